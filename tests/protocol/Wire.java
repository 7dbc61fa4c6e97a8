import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.jar.JarFile;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;

/**
 * Kafka's own classes, asked line by line.
 *
 * <pre>
 * read NAME VERSION HEX  -> HEX JSON   the bytes read, written again and shown
 * take NAME VERSION HEX  -> LEFT JSON  as a broker takes a request: the number of bytes behind it, and what was read
 * new NAME VERSION       -> HEX JSON   a message with its defaults
 * definitions            -> JSON ..    the definition of every message
 * errors                 -> CODE NAME RETRIABLE ..
 * headers                -> KEY VERSION REQUEST_HEADER_VERSION RESPONSE_HEADER_VERSION FOR_CLIENTS ..
 * </pre>
 *
 * Every answer ends with an empty line; one that starts with "!" is an error.
 */
public class Wire {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ", -1);
            try {
                switch (words[0]) {
                    case "read" -> read(words[1], Short.parseShort(words[2]), HexFormat.of().parseHex(words[3]));
                    case "take" -> take(words[1], Short.parseShort(words[2]), HexFormat.of().parseHex(words[3]));
                    case "new" -> show(words[1], Short.parseShort(words[2]), make(words[1]));
                    case "definitions" -> definitions();
                    case "errors" -> errors();
                    case "headers" -> headers();
                    default -> OUT.println("! unknown question");
                }
            } catch (Throwable e) {
                Throwable cause = e.getCause() == null ? e : e.getCause();
                OUT.println("! " + String.valueOf(cause).replace('\n', ' '));
            }
            OUT.println();
            OUT.flush();
        }
    }

    private static Message make(String name) throws Exception {
        return (Message) Class.forName("org.apache.kafka.common.message." + name).getConstructor().newInstance();
    }

    private static void read(String name, short version, byte[] bytes) throws Exception {
        Message message = make(name);
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        message.read(new ByteBufferAccessor(buffer), version);
        if (buffer.hasRemaining()) throw new IllegalStateException(buffer.remaining() + " bytes left over");
        show(name, version, message);
    }

    private static void take(String name, short version, byte[] bytes) throws Exception {
        Message message = make(name);
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        message.read(new ByteBufferAccessor(buffer), version);
        OUT.println(buffer.remaining() + " " + JSON.writeValueAsString(json(name, version, message)));
    }

    private static void show(String name, short version, Message message) throws Exception {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(buffer), cache, version);
        String json = JSON.writeValueAsString(json(name, version, message));
        OUT.println(HexFormat.of().formatHex(buffer.array()) + " " + json);
    }

    private static JsonNode json(String name, short version, Message message) throws Exception {
        return (JsonNode) Class.forName("org.apache.kafka.common.message." + name + "JsonConverter")
            .getMethod("write", message.getClass(), short.class, boolean.class)
            .invoke(null, message, version, false);
    }

    private static void definitions() throws Exception {
        ObjectMapper mapper = new ObjectMapper().configure(JsonParser.Feature.ALLOW_COMMENTS, true);
        String path = ApiMessageType.class.getProtectionDomain().getCodeSource().getLocation().getPath();
        try (JarFile jar = new JarFile(new File(path))) {
            for (var entry : jar.stream().filter(e -> e.getName().matches("common/message/.*\\.json")).toList()) {
                OUT.println(JSON.writeValueAsString(mapper.readTree(jar.getInputStream(entry))));
            }
        }
    }

    private static void errors() {
        for (Errors error : Errors.values()) {
            OUT.println(error.code() + " " + error.name() + " " + (error.exception() instanceof RetriableException));
        }
    }

    private static void headers() {
        for (ApiMessageType type : ApiMessageType.values()) {
            for (short v = type.lowestSupportedVersion(); v <= type.highestSupportedVersion(true); v++) {
                boolean clients = ApiKeys.forId(type.apiKey()).inScope(ApiMessageType.ListenerType.BROKER);
                OUT.println(type.apiKey() + " " + v + " " + type.requestHeaderVersion(v) + " "
                    + type.responseHeaderVersion(v) + " " + clients);
            }
        }
    }
}
