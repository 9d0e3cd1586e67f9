// Tests against real registries and other people's clients. What they need is not a dependency of anyone who uses this project.
module github.com/lowendinsight/lei-go/integration

go 1.25.0

replace github.com/lowendinsight/lei-go => ../

require github.com/lowendinsight/lei-go v0.0.0-00010101000000-000000000000

require (
	github.com/google/go-containerregistry v0.22.1 // indirect
	github.com/opencontainers/image-spec v1.1.1 // indirect
	go.uber.org/goleak v1.3.0 // indirect
)
