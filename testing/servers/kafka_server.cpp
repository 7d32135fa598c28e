#include "testing/servers/kafka_server.hpp"

#include <cstdlib>
#include <filesystem>

namespace tidings::testing {

namespace {

constexpr std::string_view version = TIDINGS_KAFKA_VERSION;

std::string kafka_folder() {
  const auto* cache = std::getenv("XDG_CACHE_HOME");
  const auto* home = std::getenv("HOME");
  return (cache != nullptr && *cache != 0 ? std::string(cache) : std::string(home != nullptr ? home : "") + "/.cache") +
         "/tidings/kafka-" + std::string(version);
}

/// What every Java of a test is started with: little memory, one thread for garbage and compiling, quick to start.
std::vector<std::string> java_options() {
  return {"-Xms128m",
          "-Xmx512m",
          "-XX:+UseSerialGC",
          "-XX:TieredStopAtLevel=1",
          "-Xshare:auto",
          "-Dlog4j.configuration=file:{folder}/log4j.properties",
          "-cp",
          kafka_folder() + "/lib/*"};
}

constexpr std::string_view log_config =
    "log4j.rootLogger=WARN, out\n"
    "log4j.logger.kafka.server.KafkaRaftServer=INFO\n"
    "log4j.logger.org.apache.kafka.common.utils.AppInfoParser=ERROR\n"
    "log4j.appender.out=org.apache.log4j.ConsoleAppender\n"
    "log4j.appender.out.layout=org.apache.log4j.PatternLayout\n"
    "log4j.appender.out.layout.ConversionPattern=%d %p %m (%c)%n\n";

/// Few threads and partitions of its own, since it shares a machine with tests; rebalances without a delay.
constexpr std::string_view base_config =
    "process.roles=broker,controller\n"
    "node.id=1\n"
    "controller.quorum.voters=1@127.0.0.1:{port2}\n"
    "inter.broker.listener.name=PLAIN\n"
    "controller.listener.names=CONTROLLER\n"
    "log.dirs={folder}/data\n"
    "offsets.topic.replication.factor=1\n"
    "offsets.topic.num.partitions=2\n"
    "transaction.state.log.replication.factor=1\n"
    "transaction.state.log.min.isr=1\n"
    "transaction.state.log.num.partitions=2\n"
    "num.network.threads=1\n"
    "num.io.threads=2\n"
    "num.recovery.threads.per.data.dir=1\n"
    "background.threads=1\n"
    "log.cleaner.threads=1\n"
    "log.cleaner.dedupe.buffer.size=2097152\n"
    "log.retention.check.interval.ms=1000\n"
    "log.initial.task.delay.ms=500\n"
    "log.segment.delete.delay.ms=1000\n"
    "broker.heartbeat.interval.ms=200\n"
    "broker.session.timeout.ms=1000\n"  // so that one that was killed is soon taken back
    "group.initial.rebalance.delay.ms=0\n"
    "group.min.session.timeout.ms=500\n";

std::string listeners(const KafkaServerOptions& options) {
  struct Listener {
    std::string_view name;
    std::string_view protocol;
    std::string port;
    std::string advertised;
    std::string host = "127.0.0.1";
  };
  std::vector<Listener> all{{"PLAIN", "PLAINTEXT", "{port}", "{port}"}};
  if (options.proxy_port != 0) all.push_back({"PROXIED", "PLAINTEXT", "{port3}", std::to_string(options.proxy_port)});
  if (options.with_security) {
    all.push_back({"SASL", "SASL_PLAINTEXT", "{port4}", "{port4}", options.sasl_host});
    all.push_back({"TLS", "SSL", "{port5}", "{port5}"});
    all.push_back({"SASLTLS", "SASL_SSL", "{port6}", "{port6}"});
  }
  std::string own = "listeners=CONTROLLER://127.0.0.1:{port2}";
  std::string advertised = "advertised.listeners=";
  std::string protocols = "listener.security.protocol.map=CONTROLLER:PLAINTEXT";
  for (const auto& one : all) {
    const std::string name(one.name);
    own += "," + name + "://127.0.0.1:" + one.port;
    advertised += (advertised.ends_with('=') ? "" : ",") + name + "://" + one.host + ":" + one.advertised;
    protocols += "," + name + ":" + std::string(one.protocol);
  }
  auto text = own + "\n" + advertised + "\n" + protocols + "\n";
  if (options.with_security) {
    text +=
        "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512\n"
        "ssl.keystore.type=PEM\nssl.keystore.location={folder}/server.pem\n";
    for (const auto* name : {"sasl", "sasltls"}) {
      const auto prefix = std::string("listener.name.") + name + ".";
      text += prefix +
              "plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required "
              "username=\"alice\" password=\"alice-secret\" user_alice=\"alice-secret\";\n";
      for (const auto* mechanism : {"scram-sha-256", "scram-sha-512"})
        text += prefix + mechanism +
                ".sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;\n";
    }
  }
  return text;
}

/// Makes the folder of a new node; what runs Kafka's own tool, and waits for its end.
std::string format_script(const KafkaServerOptions& options) {
  std::string script = "set -e\njava";
  for (const auto& option : java_options()) script += " '" + option + "'";
  script += " kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qg -c '{folder}/server.properties'";
  if (options.with_security)
    for (const auto* mechanism : {"SCRAM-SHA-256", "SCRAM-SHA-512"})
      script += std::string(" -S '") + mechanism + "=[name=bob,password=bob-secret]'";
  return script + "\n";
}

}  // namespace

Result<> kafka_is_there() {
  if (auto java = find_server("java", "default-jre-headless"); !java) return java.error();
  std::error_code error;
  if (std::filesystem::is_directory(kafka_folder() + "/lib", error)) return {};
  return Error{"missing_server",
               "not run: there is no Kafka in " + kafka_folder() +
                   "; script/setup fetches it, or set TIDINGS_ALLOW_MISSING_SERVERS=1 to skip what needs it"};
}

Result<std::unique_ptr<ServerProcess>> start_kafka_server(const KafkaServerOptions& options) {
  if (auto there = kafka_is_there(); !there) return there.error();
  auto shell = find_server("sh", "dash");
  if (!shell) return shell.error();
  // The first start formats the folder; the shell then becomes the server, so that a signal hits that.
  std::string script = "if [ ! -d '{folder}/data' ]; then sh '{folder}/format.sh'; fi\nexec java";
  for (const auto& option : java_options()) script += " '" + option + "'";
  script += " kafka.Kafka '{folder}/server.properties'\n";
  ServerSpec spec;
  spec.name = "kafka";
  spec.program = *shell;
  spec.arguments = {"{folder}/start.sh"};
  spec.files = options.files;
  spec.files["start.sh"] = script;
  spec.files["format.sh"] = format_script(options);
  spec.files["log4j.properties"] = log_config;
  spec.files["server.properties"] = std::string(base_config) + listeners(options) + options.config;
  spec.ports = 6;
  spec.ready_line = "Kafka Server started";
  spec.ready_within = std::chrono::seconds{120};
  return ServerProcess::start(std::move(spec));
}

std::string kafka_address(const ServerProcess& server, KafkaListener listener) {
  return "127.0.0.1:" + std::to_string(server.port(static_cast<std::size_t>(listener)));
}

}  // namespace tidings::testing
