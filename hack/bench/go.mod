// Benchmarks of leioci beside other clients. A separate module keeps their dependencies away from
// users of this project.
module github.com/lowendinsight/lei-go/hack/bench

go 1.26.0

replace github.com/lowendinsight/lei-go => ../..

require (
	github.com/google/go-containerregistry v0.22.1
	github.com/klauspost/compress v1.20.4
	github.com/lowendinsight/lei-go v0.0.0-00010101000000-000000000000
	github.com/opencontainers/image-spec v1.1.1
	golang.org/x/sync v0.24.0
	oras.land/oras-go/v2 v2.7.0
)

require (
	github.com/docker/cli v29.7.2+incompatible // indirect
	github.com/docker/docker-credential-helpers v0.9.13 // indirect
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/opencontainers/go-digest v1.0.0 // indirect
	github.com/sirupsen/logrus v1.10.2 // indirect
	golang.org/x/sys v0.47.0 // indirect
)
