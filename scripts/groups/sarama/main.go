// A member by sarama. usage: sarama-member ADDR GROUP TOPIC NAME LOG ASSIGNOR
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"memberlog"

	"github.com/IBM/sarama"
)

type member struct {
	*memberlog.Log
	topic string
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	m.Event("assign", map[string]any{"p": claims(session, m.topic)})
	return nil
}

func (m *member) Cleanup(session sarama.ConsumerGroupSession) error {
	m.Event("revoke", map[string]any{"p": claims(session, m.topic)})
	return nil
}

// claims is never null, even for a member without partitions.
func claims(session sarama.ConsumerGroupSession, topic string) []int32 {
	return append([]int32{}, session.Claims()[topic]...)
}

// ConsumeClaim handles what has come of one partition, and commits it. Commit does not say whether it succeeded.
func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for first := range claim.Messages() {
		last := first
		for n := len(claim.Messages()); n > 0; n-- {
			message, open := <-claim.Messages()
			if !open {
				break
			}
			if message.Offset != last.Offset+1 {
				log.Fatalf("offset %d after %d", message.Offset, last.Offset)
			}
			last = message
		}
		m.Event("process", map[string]any{"p": claim.Partition(), "from": first.Offset, "to": last.Offset})
		m.Event("committing", map[string]any{"o": map[int32]int64{claim.Partition(): last.Offset + 1}})
		session.MarkMessage(last, "")
		session.Commit()
		if session.Context().Err() != nil {
			return nil
		}
	}
	return nil
}

func main() {
	args := os.Args
	config := sarama.NewConfig()
	config.Version = sarama.V4_0_0_0
	config.ClientID = args[4]
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.Group.Session.Timeout = 6 * time.Second
	config.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	config.Consumer.MaxWaitTime = 100 * time.Millisecond
	config.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategyRange()}
	group, err := sarama.NewConsumerGroup([]string{args[1]}, args[2], config)
	if err != nil {
		log.Fatal(err)
	}
	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	member := &member{Log: memberlog.Open(args[5], args[4]), topic: args[3]}
	member.Event("start", nil)
	for stopped.Err() == nil {
		if err := group.Consume(stopped, []string{member.topic}, member); err != nil {
			log.Print(err)
			time.Sleep(100 * time.Millisecond)
		}
	}
	if err := group.Close(); err != nil {
		log.Print(err)
	}
	member.Event("end", nil)
}
