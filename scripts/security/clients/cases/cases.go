// Package cases goes through the cases, and prints what came of each as a line of JSON.
package cases

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"time"
)

// Case says how to connect, and whether the client must be refused.
type Case struct {
	Name        string
	Address     string
	Protocol    string
	Mechanism   string
	Refused     bool
	User        string
	Password    string
	Token       string
	Endpoint    string
	CA          string
	Certificate string
	Key         string
}

// ErrUnsupported is what the client cannot do.
var ErrUnsupported = errors.New("unsupported")

type line struct {
	Case    string  `json:"case"`
	Outcome string  `json:"outcome"`
	Seconds float64 `json:"seconds"`
	Said    string  `json:"said"`
}

// TLS is the configuration of a case, or nil if it has none.
func (c Case) TLS() (*tls.Config, error) {
	if c.CA == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost"}
	config.RootCAs.AppendCertsFromPEM(pem)
	if c.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// Run takes what a program does with a topic, and a try that is refused with an error.
func Run(work func(Case, string) error, try func(Case) error) {
	file, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	var all []Case
	if err := json.Unmarshal(file, &all); err != nil {
		panic(err)
	}
	for number, c := range all {
		began := time.Now()
		l := line{Case: c.Name, Outcome: "ok"}
		var err error
		switch {
		case c.Endpoint != "":
			l.Outcome, l.Said = "unsupported", "it asks no token endpoint"
		case c.Refused:
			l.Outcome = "refused"
			if err = try(c); err != nil {
				l.Said = err.Error()
			} else {
				l.Outcome, l.Said = "failed", "it was not refused"
			}
		default:
			if err = work(c, fmt.Sprintf("%s-%d", os.Args[2], number)); err != nil {
				l.Outcome, l.Said = "failed", err.Error()
			}
		}
		if errors.Is(err, ErrUnsupported) {
			l.Outcome = "unsupported"
		}
		l.Seconds = math.Round(time.Since(began).Seconds()*100) / 100
		text, _ := json.Marshal(l)
		fmt.Println(string(text))
	}
}
