// Produces records to topics of three partitions with the Java client, reads them back by assignment, and compares.
//
// usage: java RoundTrip.java ADDR PREFIX FILE

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class RoundTrip {
    static final int PARTITIONS = 3;

    record Sent(byte[] key, byte[] value, List<Header> headers) {}

    final String addr;
    final String prefix;
    final Admin admin;
    final KafkaConsumer<byte[], byte[]> consumer;

    RoundTrip(String addr, String prefix) {
        this.addr = addr;
        this.prefix = prefix;
        admin = Admin.create(Map.of("bootstrap.servers", addr));
        var deserializer = new ByteArrayDeserializer();
        consumer = new KafkaConsumer<>(Map.of("bootstrap.servers", addr), deserializer, deserializer);
    }

    public static void main(String[] args) throws Exception {
        var lines = Files.readAllLines(Path.of(args[2])).stream().map(line -> new Sent(null, bytes(line), List.of())).toList();
        var some = lines.subList(0, 1000);
        var trip = new RoundTrip(args[0], args[1]);

        trip.run("lines", lines, Map.of());
        for (var codec : List.of("gzip", "snappy", "lz4", "zstd")) {
            trip.run(codec, some, Map.of("compression.type", codec));
        }
        for (var acks : List.of("0", "1", "all")) {
            trip.run("acks-" + acks, some, Map.of("acks", acks, "enable.idempotence", "false"));
        }
        List<Header> headers = List.of(new RecordHeader("a", bytes("1")), new RecordHeader("a", bytes("2")),
            new RecordHeader("empty", bytes("")), new RecordHeader("null", (byte[]) null));
        trip.run("shapes", List.of(
            new Sent(bytes("key"), bytes("value"), headers),
            new Sent(bytes("key"), null, List.of()),
            new Sent(bytes("key"), bytes(""), List.of()),
            new Sent(bytes(""), bytes("empty key"), List.of()),
            new Sent(null, bytes("0123456789".repeat(90_000)), List.of())), Map.of());
    }

    void run(String name, List<Sent> records, Map<String, Object> settings) throws Exception {
        var topic = prefix + "-" + name;
        admin.createTopics(List.of(new NewTopic(topic, PARTITIONS, (short) 1))).all().get();
        // Records sent with acks=0 to a partition that is not up yet would be lost.
        waitForEnd(topic, 0);
        var offsets = produce(topic, records, settings);
        waitForEnd(topic, records.size());
        var got = consume(topic, records.size());
        for (int i = 0; i < records.size(); i++) {
            var sent = records.get(i);
            var found = got.get(i % PARTITIONS).get(i / PARTITIONS);
            var same = found.offset() == i / PARTITIONS
                && Arrays.equals(sent.key, found.key()) && Arrays.equals(sent.value, found.value())
                && sent.headers.equals(Arrays.asList(found.headers().toArray()));
            check(same, topic + ": sent " + sent + ", got " + found);
            check(name.equals("acks-0") || offsets.get(i) == found.offset(), topic + ": acknowledged at " + offsets.get(i) + ", found at " + found.offset());
        }
    }

    List<Long> produce(String topic, List<Sent> records, Map<String, Object> settings) throws Exception {
        var all = new java.util.HashMap<String, Object>(Map.of("bootstrap.servers", addr));
        all.putAll(settings);
        var serializer = new ByteArraySerializer();
        try (var producer = new KafkaProducer<>(all, serializer, serializer)) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < records.size(); i++) {
                var r = records.get(i);
                sent.add(producer.send(new ProducerRecord<>(topic, i % PARTITIONS, null, r.key, r.value, r.headers)));
            }
            producer.flush();
            List<Long> offsets = new ArrayList<>();
            for (var future : sent) {
                offsets.add(future.get().offset());
            }
            return offsets;
        }
    }

    void waitForEnd(String topic, long count) throws Exception {
        var deadline = System.nanoTime() + Duration.ofMinutes(1).toNanos();
        while (consumer.endOffsets(partitions(topic)).values().stream().mapToLong(Long::longValue).sum() < count) {
            check(System.nanoTime() < deadline, topic + ": not all of " + count + " records arrived");
            Thread.sleep(20);
        }
    }

    List<List<ConsumerRecord<byte[], byte[]>>> consume(String topic, int count) {
        consumer.assign(partitions(topic));
        consumer.seekToBeginning(partitions(topic));
        List<List<ConsumerRecord<byte[], byte[]>>> got = new ArrayList<>();
        IntStream.range(0, PARTITIONS).forEach(p -> got.add(new ArrayList<>()));
        var deadline = System.nanoTime() + Duration.ofMinutes(1).toNanos();
        for (int read = 0; read < count; ) {
            check(System.nanoTime() < deadline, topic + ": read " + read + " of " + count + " records");
            for (var r : consumer.poll(Duration.ofMillis(500))) {
                got.get(r.partition()).add(r);
                read++;
            }
        }
        return got;
    }

    static List<TopicPartition> partitions(String topic) {
        return IntStream.range(0, PARTITIONS).mapToObj(p -> new TopicPartition(topic, p)).toList();
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static void check(boolean holds, String otherwise) {
        if (!holds) {
            System.err.println(otherwise);
            System.exit(1);
        }
    }
}
