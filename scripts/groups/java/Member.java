import java.io.FileOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** A member by the Java client. usage: Member ADDR GROUP TOPIC NAME LOG ASSIGNOR|consumer [INSTANCE] */
public class Member implements ConsumerRebalanceListener {
    static volatile boolean stopped;
    final FileOutputStream file;
    final String name;

    Member(String path, String name) throws IOException {
        this.file = new FileOutputStream(path, true);
        this.name = name;
    }

    void event(String kind, String more) {
        Instant now = Instant.now();
        double t = now.getEpochSecond() + now.getNano() / 1e9;
        String line = String.format("{\"t\":%.6f,\"m\":\"%s\",\"e\":\"%s\"%s}%n", t, name, kind, more);
        try {
            file.write(line.getBytes());
        } catch (IOException e) {
            throw new RuntimeException(e);
        }
    }

    void owners(String kind, Collection<TopicPartition> partitions) {
        event(kind, ",\"p\":" + partitions.stream().map(TopicPartition::partition).collect(Collectors.toList()));
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        owners("assign", partitions);
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        owners("revoke", partitions);
    }

    @Override
    public void onPartitionsLost(Collection<TopicPartition> partitions) {
        owners("lost", partitions);
    }

    void process(KafkaConsumer<byte[], byte[]> consumer, ConsumerRecords<byte[], byte[]> records) {
        Map<TopicPartition, OffsetAndMetadata> done = new HashMap<>();
        for (TopicPartition partition : records.partitions()) {
            long first = -1, last = -1;
            for (ConsumerRecord<byte[], byte[]> record : records.records(partition)) {
                if (first >= 0 && record.offset() != last + 1) {
                    processed(partition, first, last);
                    first = -1;
                }
                if (first < 0) first = record.offset();
                last = record.offset();
            }
            processed(partition, first, last);
            done.put(partition, new OffsetAndMetadata(last + 1));
        }
        if (done.isEmpty()) return;
        String offsets = done.entrySet().stream()
            .map(e -> "\"" + e.getKey().partition() + "\":" + e.getValue().offset())
            .collect(Collectors.joining(",", ",\"o\":{", "}"));
        event("committing", offsets);
        try {
            consumer.commitSync(done);
            event("committed", offsets);
        } catch (KafkaException e) {
            event("commit_failed", "");
        }
    }

    void processed(TopicPartition partition, long first, long last) {
        event("process", String.format(",\"p\":%d,\"from\":%d,\"to\":%d", partition.partition(), first, last));
    }

    static Properties settings(String[] args) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        settings.put("group.id", args[1]);
        settings.put("client.id", args[3]);
        settings.put("auto.offset.reset", "earliest");
        settings.put("enable.auto.commit", "false");
        settings.put("fetch.max.wait.ms", "100");
        // By default a client whose only broker is away for a moment forgets its topics (KIP-1102): the leader of a classic
        // group takes that for a change and has the group rebalanced.
        settings.put("metadata.recovery.strategy", "none");
        if (args[5].equals("consumer")) {
            settings.put("group.protocol", "consumer");
        } else {
            settings.put("session.timeout.ms", "6000");
            settings.put("heartbeat.interval.ms", "500");
            settings.put("partition.assignment.strategy",
                args[5].equals("range") ? RangeAssignor.class.getName() : CooperativeStickyAssignor.class.getName());
        }
        if (args.length > 6) settings.put("group.instance.id", args[6]);
        return settings;
    }

    public static void main(String[] args) throws Exception {
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            stopped = true;
            try {
                main.join(20_000);
            } catch (InterruptedException ignored) {
            }
        }));
        Member member = new Member(args[4], args[3]);
        ByteArrayDeserializer bytes = new ByteArrayDeserializer();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings(args), bytes, bytes)) {
            consumer.subscribe(List.of(args[2]), member);
            member.event("start", "");
            while (!stopped) {
                member.process(consumer, consumer.poll(Duration.ofMillis(200)));
            }
        }
        member.event("end", "");
    }
}
