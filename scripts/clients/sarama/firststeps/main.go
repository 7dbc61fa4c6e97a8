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
)

const records = 10

func main() {
	addrs, topic, group := []string{os.Args[1]}, os.Args[2]+"-first", os.Args[2]+"-first-group"
	config := sarama.NewConfig()
	config.Producer.Return.Successes = true
	config.Consumer.Offsets.Initial = sarama.OffsetOldest

	did("speaks Kafka %s", config.Version)
	admin, err := sarama.NewClusterAdmin(addrs, config)
	check(err)
	brokers, controller, err := admin.DescribeCluster()
	check(err)
	expect(len(brokers) == 1, "one broker, not %v", brokers)
	did("described the cluster: controller %d, %d broker", controller, len(brokers))

	check(admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 3, ReplicationFactor: 1}, false))
	topics := list(admin)
	expect(topics[topic], "the created topic is in the list, not only %v", topics)
	did("created %s, one of %d topics listed", topic, len(topics))

	producer, err := sarama.NewSyncProducer(addrs, config)
	check(err)
	for i := range records {
		_, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder(fmt.Sprint("key ", i)), Value: sarama.StringEncoder(fmt.Sprint("value ", i))})
		check(err)
	}
	check(producer.Close())
	did("produced %d records", records)

	consumers, err := sarama.NewConsumerGroup(addrs, group, config)
	check(err)
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
	did("consumed %d records in %s", len(seen), group)

	groups, err := admin.ListConsumerGroups()
	check(err)
	described, err := admin.DescribeConsumerGroups([]string{group})
	check(err)
	found := described[0]
	_, isListed := groups[group]
	expect(isListed && found.State == "Stable" && len(found.Members) == 1, "a stable group with one member, not %+v", found)
	did("listed %d groups and described %s: %s, %d member", len(groups), group, found.State, len(found.Members))
	check(consumers.Close())

	check(admin.DeleteTopic(topic))
	for list(admin)[topic] {
		time.Sleep(100 * time.Millisecond)
	}
	did("deleted %s", topic)
	check(admin.Close())
}

// list returns the names of all topics.
func list(admin sarama.ClusterAdmin) map[string]bool {
	details, err := admin.ListTopics()
	check(err)
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

func did(format string, args ...any) {
	fmt.Printf("- "+format+"\n", args...)
}

func expect(is bool, format string, args ...any) {
	if !is {
		log.Fatalf("expected: "+format, args...)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
