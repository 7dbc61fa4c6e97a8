// What a program does first, by sarama's default calls and version; prints what came of each. It has no patterns.
//
// usage: firststeps ADDR PREFIX
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/IBM/sarama"
	"steplog"
)

const records = 10

func main() {
	addrs, topic, group := []string{os.Args[1]}, os.Args[2]+"-first", os.Args[2]+"-first-group"
	config := sarama.NewConfig()
	config.Producer.Return.Successes = true
	config.Consumer.Offsets.Initial = sarama.OffsetOldest

	steplog.Did("speaks Kafka %s", config.Version)
	admin, err := sarama.NewClusterAdmin(addrs, config)
	steplog.Check(err)
	brokers, controller, err := admin.DescribeCluster()
	steplog.Check(err)
	steplog.Expect(len(brokers) == 1, "one broker, not %v", brokers)
	steplog.Did("described the cluster: controller %d, %d broker", controller, len(brokers))

	steplog.Check(admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 3, ReplicationFactor: 1}, false))
	topics := list(admin)
	steplog.Expect(topics[topic], "the created topic is in the list, not only %v", topics)
	steplog.Did("created %s, one of %d topics listed", topic, len(topics))

	producer, err := sarama.NewSyncProducer(addrs, config)
	steplog.Check(err)
	for i := range records {
		_, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder(fmt.Sprint("key ", i)), Value: sarama.StringEncoder(fmt.Sprint("value ", i))})
		steplog.Check(err)
	}
	steplog.Check(producer.Close())
	steplog.Did("produced %d records", records)

	consumers, err := sarama.NewConsumerGroup(addrs, group, config)
	steplog.Check(err)
	values := make(chan string, records)
	go func() {
		for {
			if err := consumers.Consume(context.Background(), []string{topic}, reader(values)); err != nil {
				return
			}
		}
	}()
	timeout, seen := time.After(time.Minute), map[string]bool{}
	for len(seen) < records {
		select {
		case value := <-values:
			seen[value] = true
		case <-timeout:
			log.Fatalf("consumed %d of %d records", len(seen), records)
		}
	}
	steplog.Did("consumed %d records in %s", len(seen), group)

	groups, err := admin.ListConsumerGroups()
	steplog.Check(err)
	described, err := admin.DescribeConsumerGroups([]string{group})
	steplog.Check(err)
	found := described[0]
	_, isListed := groups[group]
	steplog.Expect(isListed && found.State == "Stable" && len(found.Members) == 1, "a stable group with one member, not %+v", found)
	steplog.Did("listed %d groups and described %s: %s, %d member", len(groups), group, found.State, len(found.Members))
	steplog.Check(consumers.Close())

	steplog.Check(admin.DeleteTopic(topic))
	for list(admin)[topic] {
		time.Sleep(100 * time.Millisecond)
	}
	steplog.Did("deleted %s", topic)
	steplog.Check(admin.Close())
}

// list returns the names of all topics.
func list(admin sarama.ClusterAdmin) map[string]bool {
	details, err := admin.ListTopics()
	steplog.Check(err)
	names := map[string]bool{}
	for name := range details {
		names[name] = true
	}
	return names
}

// reader hands on the values that a group's member reads.
type reader chan string

func (reader) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (reader) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (r reader) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		r <- string(message.Value)
		session.MarkMessage(message, "")
	}
	return nil
}
