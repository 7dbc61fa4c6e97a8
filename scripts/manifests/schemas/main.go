// Checks what the validators of Kubernetes' own objects do not know. Unknown fields are errors.
//
//	manifest-schemas compose FILE      a compose file, by its schema and its loader's rules
//	manifest-schemas monitor <FILE     a ServiceMonitor of the Prometheus operator
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"sigs.k8s.io/yaml"
)

func compose(file string) error {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithName("kafkaesque"), cli.WithInterpolation(true))
	if err != nil {
		return err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return err
	}
	rendered, err := project.MarshalYAML()
	if err == nil {
		_, err = os.Stdout.Write(rendered)
	}
	return err
}

func monitor(input io.Reader) error {
	text, err := io.ReadAll(input)
	if err != nil {
		return err
	}
	var monitor monitoring.ServiceMonitor
	if err := yaml.UnmarshalStrict(text, &monitor); err != nil {
		return err
	}
	if monitor.Kind != "ServiceMonitor" || len(monitor.Spec.Endpoints) == 0 {
		return errors.New("no ServiceMonitor with endpoints")
	}
	return nil
}

func main() {
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "compose":
		err = compose(os.Args[2])
	case len(os.Args) == 2 && os.Args[1] == "monitor":
		err = monitor(os.Stdin)
	default:
		err = errors.New("usage: manifest-schemas compose FILE | manifest-schemas monitor <FILE")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
