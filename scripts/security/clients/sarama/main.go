// sarama. usage: security CASES PREFIX
package main

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"time"

	"cases"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"
)

const records = 10

func main() {
	cases.Run(work, try)
}

// The conversation of a login, which sarama leaves to its users.
type login struct {
	hash scram.HashGeneratorFcn
	*scram.ClientConversation
}

func (l *login) Begin(user, password, authzid string) error {
	client, err := l.hash.NewClient(user, password, authzid)
	if err == nil {
		l.ClientConversation = client.NewConversation()
	}
	return err
}

type tokens string

func (t tokens) Token() (*sarama.AccessToken, error) {
	return &sarama.AccessToken{Token: string(t)}, nil
}

func settings(c cases.Case) (*sarama.Config, error) {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.Producer.Return.Successes = true
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	tls, err := c.TLS()
	config.Net.TLS.Enable, config.Net.TLS.Config = tls != nil, tls
	if c.Mechanism == "" {
		return config, err
	}
	config.Net.SASL.Enable = true
	config.Net.SASL.Mechanism = sarama.SASLMechanism(c.Mechanism)
	config.Net.SASL.User, config.Net.SASL.Password = c.User, c.Password
	config.Net.SASL.TokenProvider = tokens(c.Token)
	config.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient {
		if c.Mechanism == sarama.SASLTypeSCRAMSHA512 {
			return &login{hash: sha512.New}
		}
		return &login{hash: sha256.New}
	}
	return config, err
}

// Reads records until there are enough.
type reader map[string]bool

func (r reader) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (r reader) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (r reader) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for len(r) < records {
		select {
		case message := <-claim.Messages():
			if message != nil {
				r[string(message.Value)] = true
			}
		case <-session.Context().Done():
			return nil
		}
	}
	return nil
}

func work(c cases.Case, topic string) error {
	config, err := settings(c)
	if err != nil {
		return err
	}
	addresses := []string{c.Address}
	admin, err := sarama.NewClusterAdmin(addresses, config)
	if err != nil {
		return err
	}
	defer admin.Close()
	if err := admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false); err != nil {
		return err
	}
	producer, err := sarama.NewSyncProducer(addresses, config)
	if err != nil {
		return err
	}
	defer producer.Close()
	for i := range records {
		if _, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(fmt.Sprint(i))}); err != nil {
			return err
		}
	}
	group, err := sarama.NewConsumerGroup(addresses, topic, config)
	if err != nil {
		return err
	}
	defer group.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	values := reader{}
	for len(values) < records {
		if err := group.Consume(ctx, []string{topic}, values); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("consumed %d records", len(values))
		}
	}
	return nil
}

func try(c cases.Case) error {
	config, err := settings(c)
	if err != nil {
		return err
	}
	config.Metadata.Retry.Max = 0
	client, err := sarama.NewClient([]string{c.Address}, config)
	if err == nil {
		client.Close()
	}
	return err
}
