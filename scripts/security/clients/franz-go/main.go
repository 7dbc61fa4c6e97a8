// franz-go. usage: security CASES PREFIX
package main

import (
	"context"
	"fmt"
	"time"

	"cases"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

const records = 10

func main() {
	cases.Run(work, try)
}

func connect(c cases.Case, opts ...kgo.Opt) (*kgo.Client, error) {
	config, err := c.TLS()
	if err != nil {
		return nil, err
	}
	opts = append(opts, kgo.SeedBrokers(c.Address))
	if config != nil {
		opts = append(opts, kgo.DialTLSConfig(config))
	}
	switch c.Mechanism {
	case "PLAIN":
		opts = append(opts, kgo.SASL(plain.Auth{User: c.User, Pass: c.Password}.AsMechanism()))
	case "SCRAM-SHA-256":
		opts = append(opts, kgo.SASL(scram.Auth{User: c.User, Pass: c.Password}.AsSha256Mechanism()))
	case "SCRAM-SHA-512":
		opts = append(opts, kgo.SASL(scram.Auth{User: c.User, Pass: c.Password}.AsSha512Mechanism()))
	case "OAUTHBEARER":
		opts = append(opts, kgo.SASL(oauth.Auth{Token: c.Token}.AsMechanism()))
	}
	return kgo.NewClient(opts...)
}

func work(c cases.Case, topic string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	client, err := connect(c, kgo.ConsumerGroup(topic), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer client.Close()
	created, err := kadm.NewClient(client).CreateTopic(ctx, 1, 1, nil, topic)
	if err != nil || created.Err != nil {
		return fmt.Errorf("%w %w", err, created.Err)
	}
	for i := range records {
		record := &kgo.Record{Topic: topic, Value: fmt.Append(nil, i)}
		if err := client.ProduceSync(ctx, record).FirstErr(); err != nil {
			return err
		}
	}
	values := map[string]bool{}
	for len(values) < records {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("consumed %d records: %v", len(values), fetches.Err())
		}
		fetches.EachRecord(func(r *kgo.Record) { values[string(r.Value)] = true })
	}
	return nil
}

func try(c cases.Case) error {
	client, err := connect(c, kgo.RequestRetries(0))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return client.Ping(ctx)
}
