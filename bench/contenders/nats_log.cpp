#include "contenders/nats_log.hpp"

#include <nats/nats.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace bench {
namespace {

constexpr std::int64_t patience_ms = 30'000;
constexpr std::int64_t in_flight = 4'000;  // as the client's documentation has it

void check(natsStatus status) {
  if (status != NATS_OK) throw std::runtime_error(std::string("nats: ") + natsStatus_GetText(status));
}

/// Where the server says it listens: it has asked the kernel for a free port, and written a file of its process's name.
std::string url_in(const std::string& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".ports") continue;
    std::ifstream file(entry.path());
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto begin = text.find("nats://");
    const auto end = text.find('"', begin);
    if (begin != text.npos && end != text.npos) return text.substr(begin, end - begin);
  }
  return {};
}

struct Connection {
  explicit Connection(const std::string& url) {
    check(natsConnection_ConnectTo(&connection, url.c_str()));
    check(natsConnection_JetStream(&stream, connection, nullptr));
  }
  ~Connection() {
    jsCtx_Destroy(stream);
    natsConnection_Destroy(connection);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  natsConnection* connection = nullptr;
  jsCtx* stream = nullptr;
};

/// An ordered consumer, to which the server pushes and which acknowledges nothing: the fastest that there is.
void consume(jsCtx* stream, const Following& following) {
  jsSubOptions options;
  check(jsSubOptions_Init(&options));
  options.Ordered = true;
  natsSubscription* subscription = nullptr;
  check(js_SubscribeSync(&subscription, stream, "records", nullptr, &options, nullptr));
  natsSubscription_SetPendingLimits(subscription, -1, -1);
  if (following.ready) following.ready();
  for (std::uint64_t left = following.count; left > 0; --left) {
    natsMsg* message = nullptr;
    if (natsSubscription_NextMsg(&message, subscription, patience_ms) != NATS_OK) break;  // nothing came
    following.on(number_of(natsMsg_GetData(message)));
    natsMsg_Destroy(message);
  }
  natsSubscription_Destroy(subscription);
}

}  // namespace

NatsLog::NatsLog(const std::string& folder, const Storing& storing)
    : record_(storing.bytes), pipelined_(storing.pipelined) {
  server_ =
      std::make_unique<Server>(std::vector<std::string>{"nats-server", "-js", "-sd", folder, "-a", "127.0.0.1", "-p",
                                                        "-1", "--ports_file_dir", folder, "-l", folder + "/log"},
                               [&] { return !(url_ = url_in(folder)).empty(); });
  check(natsConnection_ConnectTo(&connection_, url_.c_str()));
  jsOptions options;
  check(jsOptions_Init(&options));
  options.PublishAsync.MaxPending = in_flight;
  options.PublishAsync.StallWait = patience_ms;
  options.PublishAsync.ErrHandler = [](jsCtx*, jsPubAckErr*, void* self) { ++static_cast<NatsLog*>(self)->failed_; };
  options.PublishAsync.ErrHandlerClosure = this;
  check(natsConnection_JetStream(&stream_, connection_, &options));
  jsStreamConfig config;
  check(jsStreamConfig_Init(&config));
  const char* subject = "records";
  config.Name = subject;
  config.Subjects = &subject;
  config.SubjectsLen = 1;
  config.Storage = js_FileStorage;
  check(js_AddStream(nullptr, stream_, &config, nullptr, nullptr));
}

NatsLog::~NatsLog() {
  jsCtx_Destroy(stream_);
  natsConnection_Destroy(connection_);
}

bool NatsLog::append(std::uint64_t first, std::size_t count) {
  const auto size = static_cast<int>(record_.size());
  if (count == 1 && !pipelined_)
    return js_Publish(nullptr, stream_, "records", record_.with(first), size, nullptr, nullptr) == NATS_OK;
  for (auto number = first; number < first + count; ++number)
    if (js_PublishAsync(stream_, "records", record_.with(number), size, nullptr) != NATS_OK) return false;
  return count == 1 || flush();
}

bool NatsLog::flush() {
  jsPubOptions options;
  jsPubOptions_Init(&options);
  options.MaxWait = patience_ms;
  return js_PublishAsyncComplete(stream_, &options) == NATS_OK && failed_ == 0;
}

std::uint64_t NatsLog::count() const {
  jsStreamInfo* info = nullptr;
  check(js_GetStreamInfo(&info, stream_, "records", nullptr, nullptr));
  const auto count = info->State.Msgs;
  jsStreamInfo_Destroy(info);
  return count;
}

std::uint64_t NatsLog::read() const {
  std::uint64_t sum = 0;
  consume(stream_, {.count = count(), .ready = {}, .on = [&](std::uint64_t number) { sum += number; }});
  return sum;
}

void NatsLog::follow(const std::string& address, const Following& following) {
  const Connection connection(address);
  consume(connection.stream, following);
}

}  // namespace bench
