// Traffic of the Java client: an idempotent producer at an even rate, and members of a group that commit as they go.
//
// usage: java Traffic BOOTSTRAP TOPIC GROUP PARTITIONS RATE MEMBERS PATIENCE_MS classic|consumer
//
// A PATIENCE_MS of 0 leaves the client's own. Says, a line each: `a NUMBER PARTITION OFFSET` of a record that was acknowledged, `f NUMBER
// WHY` of one that failed for good, `r PARTITION OFFSET` of one that was read, `c PARTITION OFFSET` of what was committed, `g` of an
// assignment, `x` of a commit that failed. Told `stop`, it sends no more, waits for the answers, and says `s COUNT`. It ends with its input.

import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class Traffic {
    static final int VALUE_BYTES = 100;
    static final long COMMIT_EVERY = Duration.ofMillis(500).toNanos();
    static final Duration COMMIT_LIMIT = Duration.ofSeconds(10);

    final LinkedBlockingQueue<String> lines = new LinkedBlockingQueue<>();
    final AtomicBoolean stopsProducing = new AtomicBoolean();
    final AtomicBoolean stops = new AtomicBoolean();
    final Map<String, Object> common = new HashMap<>();
    final String topic;
    final String group;
    final int partitions;
    final String protocol;

    Traffic(String bootstrap, String topic, String group, int partitions, String patience, String protocol) {
        common.put("bootstrap.servers", bootstrap);
        if (!patience.equals("0")) {
            common.put("request.timeout.ms", patience);
        }
        this.topic = topic;
        this.group = group;
        this.partitions = partitions;
        this.protocol = protocol;
    }

    public static void main(String[] args) throws Exception {
        var traffic = new Traffic(args[0], args[1], args[2], Integer.parseInt(args[3]), args[6], args[7]);
        var rate = Long.parseLong(args[4]);
        var teller = new Thread(traffic::tell);
        teller.setDaemon(true);
        teller.start();
        var threads = new ArrayList<Thread>();
        threads.add(new Thread(() -> traffic.produce(rate)));
        for (int member = 0; member < Integer.parseInt(args[5]); member++) {
            threads.add(new Thread(traffic::consume));
        }
        threads.forEach(Thread::start);
        var input = new BufferedReader(new InputStreamReader(System.in));
        while (input.readLine() != null) {
            traffic.stopsProducing.set(true);
        }
        traffic.stopsProducing.set(true);
        traffic.stops.set(true);
        for (var thread : threads) {
            thread.join();
        }
    }

    /// Writes lines, as many at once as there are.
    void tell() {
        var out = new PrintStream(new BufferedOutputStream(System.out, 1 << 16), false);
        try {
            while (true) {
                var line = lines.poll();
                if (line == null) {
                    out.flush();
                    line = lines.take();
                }
                out.print(line);
                out.print('\n');
            }
        } catch (InterruptedException ended) {
            out.flush();
        }
    }

    void produce(long rate) {
        var settings = new HashMap<>(common);
        settings.putAll(Map.of("acks", "all", "enable.idempotence", "true", "delivery.timeout.ms", "300000", "max.block.ms", "300000"));
        long number = 0;
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            var begun = System.nanoTime();
            while (!stopsProducing.get()) {
                for (var due = (System.nanoTime() - begun) / 1_000 * rate / 1_000_000; number < due; number++) {
                    send(producer, number);
                }
                Thread.sleep(2);
            }
            producer.flush();
        } catch (KafkaException | InterruptedException failed) {
            lines.add("f " + number + " " + failed);
        }
        lines.add("s " + number);
    }

    void send(KafkaProducer<String, String> producer, long number) {
        var value = String.format("%0" + VALUE_BYTES + "d", number);
        var record = new ProducerRecord<String, String>(topic, (int) (number % partitions), null, value);
        producer.send(record, (done, failed) -> lines.add(failed == null
            ? "a " + number + " " + done.partition() + " " + done.offset()
            : "f " + number + " " + failed));
    }

    void consume() {
        var settings = new HashMap<>(common);
        settings.putAll(Map.of("group.id", group, "group.protocol", protocol, "enable.auto.commit", "false", "auto.offset.reset", "earliest"));
        if (protocol.equals("classic")) {
            settings.put("session.timeout.ms", "10000");
        }
        var read = new HashMap<TopicPartition, OffsetAndMetadata>();
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of(topic), new Assignments(read));
            var committed = System.nanoTime();
            while (!stops.get()) {
                for (var record : consumer.poll(Duration.ofMillis(50))) {
                    lines.add("r " + record.partition() + " " + record.offset());
                    read.put(new TopicPartition(topic, record.partition()), new OffsetAndMetadata(record.offset() + 1));
                }
                if (System.nanoTime() - committed >= COMMIT_EVERY) {
                    committed = System.nanoTime();
                    commit(consumer, read);
                }
            }
        }
    }

    void commit(KafkaConsumer<String, String> consumer, Map<TopicPartition, OffsetAndMetadata> read) {
        if (read.isEmpty()) {
            return;
        }
        var offsets = Map.copyOf(read);
        try {
            consumer.commitSync(offsets, COMMIT_LIMIT);
            offsets.forEach((partition, next) -> lines.add("c " + partition.partition() + " " + next.offset()));
        } catch (KafkaException failed) {
            lines.add("x");
        }
    }

    /// What a member no longer has, it does not commit.
    class Assignments implements ConsumerRebalanceListener {
        final Map<TopicPartition, OffsetAndMetadata> read;

        Assignments(Map<TopicPartition, OffsetAndMetadata> read) {
            this.read = read;
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> given) {
            lines.add("g");
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> taken) {
            read.keySet().removeAll(taken);
        }
    }
}
