#include "brokers/nats/api.hpp"

#include <algorithm>
#include <thread>

#include "brokers/nats/names.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/json_codec.hpp"

namespace tidings::brokers::nats {

/// What goes over the wire. Not in an unnamed namespace, where clang does not reflect them.
namespace api_json {

struct ApiError {
  int code = 0;
  int err_code = 0;
  std::string description;
};
struct Refusal {
  std::optional<ApiError> error;
};
struct Acknowledgement {
  std::optional<ApiError> error;
  std::uint64_t seq = 0;
  bool duplicate = false;
};
struct Delivered {
  std::uint64_t stream_seq = 0;
};
struct ConsumerInfo {
  Delivered delivered;
  std::string created;
};
struct ConsumerRequest {
  std::string stream_name;
  ConsumerConfig config;
};
struct MessageRequest {
  std::string last_by_subj;
};
struct StoredMessage {
  std::string data;
  std::string hdrs;
  std::uint64_t seq = 0;
  std::string time;
};
struct StoredMessageAnswer {
  StoredMessage message;
};
struct InfoRequest {
  std::string subjects_filter;
};
struct PurgeRequest {
  std::string filter;
};

}  // namespace api_json

namespace {

using namespace api_json;

template <class T>
Result<T> read(std::string_view json) {
  auto value = JsonCodec::decode<T>(json);
  if (value) return value;
  return Error{"protocol_error", "the NATS server answered what is not understood: " + value.error().message};
}

template <class T>
std::string write(const T& value) {
  std::string out;
  if (auto written = JsonCodec::encode(value, out); !written) out.clear();
  return out;
}

bool is_worth_another_try(const Error& error) {
  return error.code == "timeout" || error.code == "disconnected" || error.code == "no_responders" ||
         error.code == "not_connected";
}

}  // namespace

Error jetstream_error(int error_code, std::string_view description) {
  return {"jetstream_" + std::to_string(error_code), "JetStream refuses: " + printable(description)};
}

bool is_jetstream(const Error& error, int error_code) {
  return error.code == "jetstream_" + std::to_string(error_code);
}

Result<std::string> Api::call(const std::string& subject, std::string_view request, SteadyTime until) {
  constexpr auto pause = std::chrono::milliseconds{20};
  std::string why = "there is no connection";
  do {
    if (!link_->wait_connected(until)) break;
    auto asked = link_->ask(subject, request);
    auto answer =
        asked ? (*asked)->wait(std::min(until, steady_now() + answer_within)) : Result<Message>(asked.error());
    if (answer) {
      std::string json(payload_of(**answer));
      auto refusal = read<Refusal>(json);
      if (!refusal) return refusal.error();
      if (refusal->error) {
        constexpr int unavailable = 503;
        if (refusal->error->code != unavailable)
          return jetstream_error(refusal->error->err_code, refusal->error->description);
        why = refusal->error->description;
      } else {
        return json;
      }
    } else {
      if (!is_worth_another_try(answer.error())) return answer.error();
      why = answer.error().message;
    }
    std::this_thread::sleep_for(pause);
  } while (steady_now() < until);
  return Error{"unreachable", link_->shown() + ": " + printable(why), Retry::same_call};
}

Result<StreamInfo> Api::create_stream(const StreamConfig& config, SteadyTime until) {
  const auto subject = "$JS.API.STREAM.CREATE." + config.name;
  auto json = call(subject, write(config), until);
  // nats-server 2.9.10 says so of the stream itself, where another connection makes it at that moment. Of a stream that
  // is another's indeed it goes on saying so.
  constexpr auto pause = std::chrono::milliseconds{20};
  const auto at_latest = std::min(until, steady_now() + std::chrono::seconds{1});
  while (!json && is_jetstream(json.error(), subjects_overlap) && steady_now() + pause < at_latest) {
    std::this_thread::sleep_for(pause);
    json = call(subject, write(config), until);
  }
  if (!json) return json.error();
  return read<StreamInfo>(*json);
}

Result<StreamInfo> Api::update_stream(const StreamConfig& config, SteadyTime until) {
  auto json = call("$JS.API.STREAM.UPDATE." + config.name, write(config), until);
  if (!json) return json.error();
  return read<StreamInfo>(*json);
}

Result<> Api::delete_stream(const std::string& stream, SteadyTime until) {
  auto json = call("$JS.API.STREAM.DELETE." + stream, "", until);
  if (!json && !is_jetstream(json.error(), stream_not_found)) return json.error();
  return {};
}

Result<StreamInfo> Api::stream_info(const std::string& stream, SteadyTime until, const std::string& subjects_filter) {
  auto json = call("$JS.API.STREAM.INFO." + stream,
                   subjects_filter.empty() ? std::string{} : write(InfoRequest{subjects_filter}), until);
  if (!json) return json.error();
  return read<StreamInfo>(*json);
}

Result<std::uint64_t> Api::create_consumer(const std::string& stream, const ConsumerConfig& config, SteadyTime until) {
  auto json =
      call("$JS.API.CONSUMER.CREATE." + stream + "." + config.name, write(ConsumerRequest{stream, config}), until);
  if (!json) return json.error();
  auto info = read<ConsumerInfo>(*json);
  if (!info) return info.error();
  return info->delivered.stream_seq + 1;
}

Result<TimePoint> Api::server_now(const std::string& stream, SteadyTime until) {
  // The only answer of a 2.9 that has the time of now: when what was asked for was made.
  ConsumerConfig config;
  config.name = link_->new_token();
  config.deliver_policy = "new";
  config.inactive_threshold = Duration{std::chrono::seconds{5}}.count();
  auto json =
      call("$JS.API.CONSUMER.CREATE." + stream + "." + config.name, write(ConsumerRequest{stream, config}), until);
  if (!json) return json.error();
  auto info = read<ConsumerInfo>(*json);
  if (!info) return info.error();
  delete_consumer(stream, config.name);
  return parse_rfc3339(info->created);
}

void Api::delete_consumer(const std::string& stream, const std::string& consumer) {
  (void)link_->send("$JS.API.CONSUMER.DELETE." + stream + "." + consumer, "");
}

/// nats-server 2.9.10 falls (`jsMsgGetRequest`, a nil pointer) where it is asked for a message of a stream that another
/// connection is making at that moment. It listens to a stream's subjects only once that is whole, so it is asked there
/// first: by a message that expects another stream, and so is refused, and stored nowhere.
Result<bool> Api::is_made(const std::string& stream, const std::string& subject, SteadyTime until) {
  constexpr auto pause = std::chrono::milliseconds{20};
  constexpr auto probe_within = std::chrono::milliseconds{500};
  constexpr int other_stream_expected = 10060;
  if (link_->is_known(stream)) return true;
  std::string why = "there is no connection";
  while (true) {
    if (!link_->wait_connected(until)) break;
    auto asked = link_->ask(subject, "", {{"Nats-Expected-Stream", stream + "-"}});
    auto answer = asked ? (*asked)->wait(std::min(until, steady_now() + probe_within)) : Result<Message>(asked.error());
    if (answer) {
      const auto stored = read_acknowledgement(payload_of(**answer));
      if (stored || !is_jetstream(stored.error(), other_stream_expected))
        return Error{"protocol_error", "the NATS server took what stream " + stream + " was to refuse" +
                                           (stored ? std::string() : ": " + stored.error().message)};
      link_->know(stream);
      return true;
    }
    if (!is_worth_another_try(answer.error())) return answer.error();
    why = answer.error().message;
    const bool is_silent = answer.error().code == "timeout";  // who may only read gets no answer there
    if (is_silent || answer.error().code == "no_responders") {
      const auto info = stream_info(stream, until);
      if (!info && is_jetstream(info.error(), stream_not_found)) return false;
      if (!info) return info.error();
      if (is_silent) {
        link_->know(stream);
        return true;
      }
    }
    if (steady_now() + pause >= until) break;
    std::this_thread::sleep_for(pause);
  }
  return Error{"unreachable", link_->shown() + ": " + printable(why), Retry::same_call};
}

Result<std::optional<Record>> Api::get_last(const std::string& stream, const std::string& subject, SteadyTime until) {
  const auto made = is_made(stream, subject, until);
  if (!made) return made.error();
  if (!*made) return std::optional<Record>{};
  auto json = call("$JS.API.STREAM.MSG.GET." + stream, write(MessageRequest{subject}), until);
  if (!json && is_jetstream(json.error(), stream_not_found)) link_->forget_stream(stream);
  if (!json && (is_jetstream(json.error(), message_not_found) || is_jetstream(json.error(), stream_not_found)))
    return std::optional<Record>{};
  if (!json) return json.error();
  auto answer = read<StoredMessageAnswer>(*json);
  if (!answer) return answer.error();
  auto value = from_base64(answer->message.data);
  auto headers = from_base64(answer->message.hdrs);
  auto time = parse_rfc3339(answer->message.time);
  if (!value || !headers || !time)
    return Error{"protocol_error", "the NATS server's record " + subject + " is not understood"};
  return std::optional(Record{std::move(*value), std::move(*headers), answer->message.seq, *time});
}

Result<std::shared_ptr<Answer>> Api::begin_put(const std::string& subject, std::string_view value,
                                               std::uint64_t revision) {
  // Now and then it takes what stood there before it away. A limit of messages for each subject would do that each
  // time, and nats-server 2.9.10 then loses records: when it is killed amidst writing down what is deleted it begins
  // with a wrong count, and deletes too much; and with ten files or more the limit finds the newest record first. The
  // less is deleted the rarer is the one, and there is no limit for the other. Who writes a record finds that out, and
  // writes it again: `Member::find_revision`.
  HeaderList headers{{"Nats-Expected-Last-Subject-Sequence", std::to_string(revision)}};
  constexpr std::uint64_t tidies_one_of = 64;
  constexpr std::uint64_t spread = 0x9E3779B97F4A7C15;  // revisions that go up in even steps are spread, too
  if ((revision * spread >> 32) % tidies_one_of == 0) headers.emplace_back("Nats-Rollup", "sub");
  return link_->ask(subject, value, headers);
}

Result<std::uint64_t> Api::finish_put(Answer& answer, SteadyTime until) {
  auto message = answer.wait(until);
  if (!message) return message.error();
  auto stored = read_acknowledgement(payload_of(**message));
  if (!stored) return stored.error();
  return stored->sequence;
}

Result<std::uint64_t> Api::put_record(const std::string& subject, std::string_view value, std::uint64_t revision,
                                      SteadyTime until) {
  if (!link_->wait_connected(until))
    return Error{"unreachable", link_->shown() + ": there is no connection", Retry::same_call};
  auto asked = begin_put(subject, value, revision);
  if (!asked) return asked.error();
  return finish_put(**asked, until);
}

Result<> Api::purge_records(const std::string& subject, SteadyTime until) {
  auto json = call("$JS.API.STREAM.PURGE." + std::string(bucket_stream), write(PurgeRequest{subject}), until);
  if (!json) return json.error();
  return {};
}

Result<std::vector<std::string>> Api::records(const std::string& prefix, SteadyTime until) {
  auto info = stream_info(std::string(bucket_stream), until, prefix + "*");
  if (!info && is_jetstream(info.error(), stream_not_found)) return std::vector<std::string>{};
  if (!info) return info.error();
  std::vector<std::string> tokens;
  for (const auto& [subject, messages] : info->state.subjects)
    if (subject.starts_with(prefix)) tokens.push_back(subject.substr(prefix.size()));
  return tokens;
}

Result<Stored> read_acknowledgement(std::string_view json) {
  auto read_one = read<Acknowledgement>(json);
  if (!read_one) return read_one.error();
  if (read_one->error) return jetstream_error(read_one->error->err_code, read_one->error->description);
  return Stored{read_one->seq, read_one->duplicate};
}

}  // namespace tidings::brokers::nats
