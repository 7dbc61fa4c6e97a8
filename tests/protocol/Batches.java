import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.errors.CorruptRecordException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.requests.ProduceRequest;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.common.utils.internals.BufferSupplier;
import org.apache.kafka.common.utils.internals.PrimitiveRef;
import org.apache.kafka.storage.internals.log.AppendOrigin;
import org.apache.kafka.storage.internals.log.LogValidator;
import org.apache.kafka.storage.internals.log.RecordValidationException;

/**
 * Kafka's own record batches, asked line by line.
 *
 * <pre>
 * validate VERSION NOW MAX_BYTES BEFORE AFTER TIMESTAMP_TYPE COMPACTED CODEC HEX  -> ok HEX, or the error's name
 * show HEX                                                                        -> what the batches hold
 * build CODEC                                                                     -> HEX of a batch
 * </pre>
 *
 * Every answer ends with an empty line; one that starts with "!" is an error.
 */
public class Batches {
    private static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    private static final HexFormat HEX = HexFormat.of();

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ", -1);
            try {
                switch (words[0]) {
                    case "validate" -> validate(words);
                    case "show" -> show(records(words[1]));
                    case "build" -> build(CompressionType.forName(words[1]));
                    default -> OUT.println("! unknown question");
                }
            } catch (Throwable e) {
                OUT.println("! " + String.valueOf(e).replace('\n', ' '));
            }
            OUT.println();
            OUT.flush();
        }
    }

    private static MemoryRecords records(String hex) {
        return MemoryRecords.readableRecords(ByteBuffer.wrap(HEX.parseHex(hex)));
    }

    private static void validate(String[] words) {
        try {
            OUT.println("ok " + HEX.formatHex(bytes(validated(words).buffer())));
        } catch (RecordValidationException e) {
            OUT.println(Errors.forException(e.invalidException()));
        } catch (Throwable e) {
            OUT.println(Errors.forException(e));
        }
    }

    private static MemoryRecords validated(String[] words) {
        short version = Short.parseShort(words[1]);
        long now = Long.parseLong(words[2]);
        int maxBytes = Integer.parseInt(words[3]);
        MemoryRecords records = records(words[9]);
        ProduceRequest.validateRecords(version, records);
        int valid = 0;
        CompressionType source = CompressionType.NONE;
        for (MutableRecordBatch batch : records.batches()) {
            if (batch.baseOffset() != 0)
                throw new InvalidRecordException("base offset");
            if (batch.sizeInBytes() > maxBytes)
                throw new RecordTooLargeException("batch");
            if (!batch.isValid())
                throw new CorruptRecordException("checksum");
            valid += batch.sizeInBytes();
            source = batch.compressionType();
        }
        MemoryRecords trimmed = MemoryRecords.readableRecords(records.buffer().duplicate().slice(0, valid));
        CompressionType target = words[8].equals("producer") ? source : CompressionType.forName(words[8]);
        MemoryRecords out = new LogValidator(trimmed, new TopicPartition("t", 0), clock(now), source,
            Compression.of(target).build(), Boolean.parseBoolean(words[7]), RecordBatch.CURRENT_MAGIC_VALUE,
            TimestampType.forName(words[6]), Long.parseLong(words[4]), Long.parseLong(words[5]), 0,
            AppendOrigin.CLIENT).validateMessagesAndAssignOffsets(PrimitiveRef.ofLong(0), new Ignore(),
            BufferSupplier.NO_CACHING).validatedRecords();
        for (MutableRecordBatch batch : out.batches())
            if (batch.sizeInBytes() > maxBytes)
                throw new RecordTooLargeException("rewritten batch");
        return out;
    }

    private static Time clock(long now) {
        return (Time) Proxy.newProxyInstance(Time.class.getClassLoader(), new Class<?>[] {Time.class},
            (proxy, method, args) -> method.getName().equals("milliseconds") ? now : (Object) 0L);
    }

    private static class Ignore implements LogValidator.MetricsRecorder {
        public void recordInvalidMagic() { }
        public void recordInvalidOffset() { }
        public void recordInvalidSequence() { }
        public void recordInvalidChecksums() { }
        public void recordNoKeyCompactedTopic() { }
    }

    private static byte[] bytes(ByteBuffer buffer) {
        byte[] out = new byte[buffer.remaining()];
        buffer.duplicate().get(out);
        return out;
    }

    private static String text(ByteBuffer field) {
        return field == null ? "null" : HEX.formatHex(bytes(field));
    }

    private static void show(MemoryRecords records) {
        for (MutableRecordBatch batch : records.batches()) {
            batch.ensureValid();
            OUT.println("batch " + batch.baseOffset() + " " + batch.lastOffset() + " " + batch.partitionLeaderEpoch()
                + " " + batch.compressionType().name + " " + batch.timestampType().name + " " + batch.isTransactional()
                + " " + batch.isControlBatch() + " " + batch.maxTimestamp() + " " + batch.producerId() + " "
                + batch.producerEpoch() + " " + batch.baseSequence() + " " + batch.lastSequence() + " "
                + batch.countOrNull());
            for (Record record : batch) {
                StringBuilder line = new StringBuilder("record " + record.offset() + " " + record.timestamp() + " "
                    + text(record.key()) + " " + text(record.value()));
                for (Header header : record.headers())
                    line.append(" ").append(HEX.formatHex(header.key().getBytes())).append("=")
                        .append(header.value() == null ? "null" : HEX.formatHex(header.value()));
                OUT.println(line);
            }
        }
    }

    /** A batch whose records have nulls, empty and long fields, and whose timestamps go back and forth. */
    private static void build(CompressionType codec) {
        ByteBuffer buffer = ByteBuffer.allocate(1 << 20);
        MemoryRecordsBuilder builder = MemoryRecords.builder(buffer, RecordBatch.CURRENT_MAGIC_VALUE,
            Compression.of(codec).build(), TimestampType.CREATE_TIME, 0L, RecordBatch.NO_TIMESTAMP, 1234L, (short) 5,
            Integer.MAX_VALUE - 1, false, 7);
        byte[] value = "The same words again and again. ".repeat(9).getBytes();
        Header[] headers = {new RecordHeader("name", "value".getBytes()), new RecordHeader("", (byte[]) null)};
        builder.appendWithOffset(0, 1_700_000_000_000L, (byte[]) null, value, Record.EMPTY_HEADERS);
        builder.appendWithOffset(1, 1_700_000_005_000L, "key".getBytes(), null, headers);
        builder.appendWithOffset(2, 1_699_999_999_000L, new byte[0], new byte[0], Record.EMPTY_HEADERS);
        OUT.println(HEX.formatHex(bytes(builder.build().buffer())));
    }
}
