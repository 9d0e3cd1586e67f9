package repository

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

func TestManifestsFitTheSchemaAndThemselves(t *testing.T) {
	eachDeployment(t, func(t *testing.T, d *appsv1.Deployment) {
		if d.APIVersion != "apps/v1" || d.Kind != "Deployment" || d.Name == "" {
			t.Errorf("%s %s %q", d.APIVersion, d.Kind, d.Name)
		}
		for key, value := range d.Spec.Selector.MatchLabels {
			if d.Spec.Template.Labels[key] != value {
				t.Errorf("the selector wants %s=%s, the pods have %q", key, value, d.Spec.Template.Labels[key])
			}
		}
		volumes := map[string]bool{}
		for _, v := range d.Spec.Template.Spec.Volumes {
			volumes[v.Name] = false
		}
		for _, c := range containers(d) {
			for _, m := range c.VolumeMounts {
				if _, ok := volumes[m.Name]; !ok {
					t.Errorf("%s mounts %s, which is no volume", c.Name, m.Name)
				}
				volumes[m.Name] = true
				if m.SubPath != "" {
					t.Errorf("%s mounts a part of %s, which does not see a replaced directory", c.Name, m.Name)
				}
			}
		}
		for name, mounted := range volumes {
			if !mounted {
				t.Errorf("nobody mounts %s", name)
			}
		}
	})
}

func TestContainersAreConfined(t *testing.T) {
	eachDeployment(t, func(t *testing.T, d *appsv1.Deployment) {
		pod := d.Spec.Template.Spec
		s := pod.SecurityContext
		if !is(s.RunAsNonRoot, true) || *s.RunAsUser != 65532 || *s.FSGroup != 65532 || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			t.Errorf("pod: %+v", s)
		}
		if !is(pod.AutomountServiceAccountToken, false) {
			t.Error("the pod has a token of its service account")
		}
		for _, c := range containers(d) {
			s := c.SecurityContext
			if !is(s.AllowPrivilegeEscalation, false) || !is(s.ReadOnlyRootFilesystem, true) || !slices.Contains(s.Capabilities.Drop, "ALL") {
				t.Errorf("%s: %+v", c.Name, s)
			}
			if strings.HasSuffix(c.Image, ":latest") || !strings.Contains(path.Base(c.Image), ":") {
				t.Errorf("%s: image %s has no version", c.Name, c.Image)
			}
		}
	})
}

func TestOnlyThePullWritesToTheVolumeAndIntoADirectoryInside(t *testing.T) {
	eachDeployment(t, func(t *testing.T, d *appsv1.Deployment) {
		for _, c := range containers(d) {
			command := strings.Join(append(c.Command, c.Args...), " ")
			pulls := strings.Contains(command, "pull")
			for _, m := range c.VolumeMounts {
				if m.ReadOnly == (pulls && m.Name == "lei") {
					t.Errorf("%s: %s is mounted with readOnly %v", c.Name, m.Name, m.ReadOnly)
				}
				if m.Name == "lei" && pulls && !strings.Contains(command, "--output="+m.MountPath+"/") {
					t.Errorf("%s does not pull into a directory inside %s: %s", c.Name, m.MountPath, command)
				}
			}
		}
	})
}

func is(value *bool, want bool) bool { return value != nil && *value == want }

func containers(d *appsv1.Deployment) []corev1.Container {
	return slices.Concat(d.Spec.Template.Spec.InitContainers, d.Spec.Template.Spec.Containers)
}

func eachDeployment(t *testing.T, f func(*testing.T, *appsv1.Deployment)) {
	paths, err := filepath.Glob("../../examples/kubernetes/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var d appsv1.Deployment
			if err := yaml.UnmarshalStrict(text, &d); err != nil {
				t.Fatal(err)
			}
			f(t, &d)
		})
	}
}
