// Tests against real registries and third-party clients. A separate module keeps their dependencies
// away from users of this project.
module github.com/lowendinsight/lei-go/integration

go 1.25.0

replace github.com/lowendinsight/lei-go => ../

require (
	github.com/google/go-containerregistry v0.22.1
	github.com/hanwen/go-fuse/v2 v2.12.1
	github.com/lowendinsight/lei-go v0.0.0-00010101000000-000000000000
	github.com/opencontainers/image-spec v1.1.1
	go.uber.org/goleak v1.3.0
)

require (
	github.com/docker/cli v29.9.3+incompatible // indirect
	github.com/docker/docker-credential-helpers v0.9.13 // indirect
	github.com/klauspost/compress v1.20.4 // indirect
	github.com/opencontainers/go-digest v1.0.0 // indirect
	github.com/santhosh-tekuri/jsonschema/v5 v5.3.1 // indirect
	github.com/sirupsen/logrus v1.10.2 // indirect
	golang.org/x/sync v0.22.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
)
