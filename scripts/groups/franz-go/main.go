// A member by franz-go. usage: franz-go-member ADDR GROUP TOPIC NAME LOG ASSIGNOR|consumer [INSTANCE]
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"memberlog"

	"github.com/twmb/franz-go/pkg/kgo"
)

type recorder struct{ *memberlog.Log }

func (r *recorder) owners(kind, topic string) func(context.Context, *kgo.Client, map[string][]int32) {
	return func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
		if len(partitions[topic]) > 0 {
			r.Event(kind, map[string]any{"p": partitions[topic]})
		}
	}
}

func (r *recorder) processed(partition int32, first, last int64) {
	r.Event("process", map[string]any{"p": partition, "from": first, "to": last})
}

// process logs runs of consecutive offsets, and gives the offsets to commit.
func (r *recorder) process(fetches kgo.Fetches) (map[int32]int64, []*kgo.Record) {
	done := map[int32]int64{}
	var lasts []*kgo.Record
	fetches.EachPartition(func(fetched kgo.FetchTopicPartition) {
		if len(fetched.Records) == 0 {
			return
		}
		first, last := int64(-1), int64(-1)
		for _, record := range fetched.Records {
			if first >= 0 && record.Offset != last+1 {
				r.processed(fetched.Partition, first, last)
				first = -1
			}
			if first < 0 {
				first = record.Offset
			}
			last = record.Offset
		}
		r.processed(fetched.Partition, first, last)
		done[fetched.Partition] = last + 1
		lasts = append(lasts, fetched.Records[len(fetched.Records)-1])
	})
	return done, lasts
}

func main() {
	args := os.Args
	recorder := &recorder{memberlog.Open(args[5], args[4])}
	topic := args[3]
	balancer := kgo.CooperativeStickyBalancer()
	if args[6] == "range" {
		balancer = kgo.RangeBalancer()
	}
	options := []kgo.Opt{
		kgo.SeedBrokers(args[1]), kgo.ConsumerGroup(args[2]), kgo.ConsumeTopics(topic), kgo.ClientID(args[4]),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.SessionTimeout(6 * time.Second), kgo.HeartbeatInterval(500 * time.Millisecond), kgo.Balancers(balancer),
		kgo.FetchMaxWait(100 * time.Millisecond),
		kgo.OnPartitionsAssigned(recorder.owners("assign", topic)),
		kgo.OnPartitionsRevoked(recorder.owners("revoke", topic)),
		kgo.OnPartitionsLost(recorder.owners("lost", topic)),
	}
	if args[6] == "consumer" {
		options = append(options, kgo.ServerSideBalancer())
	}
	if len(args) > 7 {
		options = append(options, kgo.InstanceID(args[7]))
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		log.Fatal(err)
	}
	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	recorder.Event("start", nil)
	for stopped.Err() == nil {
		poll, cancel := context.WithTimeout(stopped, 200*time.Millisecond)
		fetches := client.PollRecords(poll, 500)
		cancel()
		if done, lasts := recorder.process(fetches); len(done) > 0 {
			recorder.Event("committing", map[string]any{"o": done})
			if err := client.CommitRecords(context.Background(), lasts...); err == nil {
				recorder.Event("committed", map[string]any{"o": done})
			} else {
				recorder.Event("commit_failed", map[string]any{"error": err.Error()})
			}
		}
		client.AllowRebalance()
	}
	client.CloseAllowingRebalance()
	recorder.Event("end", nil)
}
