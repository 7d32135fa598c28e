#include <atomic>
#include <chrono>
#include <filesystem>
#include <stop_token>
#include <thread>

#include "commands.hpp"
#include "interrupt.hpp"
#include "json_line.hpp"
#include "letters_meant.hpp"
#include "output.hpp"
#include "tidings/base/text.hpp"
#include "tidings/bridge/bridge.hpp"
#include "tidings/service/dead_letters.hpp"

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto tell_every = std::chrono::seconds{10};
constexpr auto tick = std::chrono::milliseconds{100};

Result<std::unique_ptr<Broker>> open_at(const Common& common, const std::string& url, bool is_source) {
  auto at = common;
  at.broker = url;
  return open(at, !is_source);
}

void tell(const Common& common, const std::vector<BridgedTopic>& topics) {
  std::string out;
  for (const auto& topic : topics) {
    const auto name = unnamed(common, topic.topic).empty() ? topic.topic : unnamed(common, topic.topic);
    if (common.json)
      out += JsonLine()
                 .add("topic", name)
                 .add("mirrored", topic.mirrored)
                 .add("left_out", topic.left_out)
                 .raw("behind", topic.behind ? std::to_string(*topic.behind) : "null")
                 .add("trouble", topic.trouble)
                 .str() +
             "\n";
    else
      out += printable(name) + ": " + std::to_string(topic.mirrored) + " mirrored, " +
             (topic.behind ? std::to_string(*topic.behind) : "unknown") + " to come" +
             (topic.left_out > 0 ? ", " + std::to_string(topic.left_out) + " that came from there" : "") +
             (topic.trouble.empty() ? "" : "; waits: " + topic.trouble) + "\n";
  }
  if (out.empty() && !common.json) out = "no topics yet\n";
  (void)print(out);
}

/// Whether both are one, however their folders are spelled.
bool are_one(const std::string& from, const std::string& to) {
  constexpr std::string_view log = "log:";
  if (!from.starts_with(log) || !to.starts_with(log)) return from == to;
  const std::filesystem::path one(from.substr(log.size())), other(to.substr(log.size()));
  std::error_code error;
  return std::filesystem::equivalent(one, other, error) ||
         std::filesystem::weakly_canonical(one / "", error) == std::filesystem::weakly_canonical(other / "", error);
}

/// Dead letters name places at the source, and hold up later events of their keys: the target knows nothing of that.
Result<> check_no_open_letters(Broker& from, const std::string& topic, const std::string& group) {
  const auto letters = DeadLetters::read(from, group);
  if (!letters) return letters.error().code == "unknown_topic" ? Result<>{} : Result<>(letters.error());
  std::uint64_t open = 0;
  for (const auto& counts : letters->counts())
    if (counts.topic == topic) open += counts.open();
  if (open == 0) return {};
  return Error{"dead_letters_open",
               how_many(open, "event") + " of the topic are parked at the source, and would be left there with what " +
                   "stands behind them in their keys; redrive or drop them first (tidings dead-letters), then stop "
                   "the group",
               Retry::same_call};
}

Result<CarriedGroup> carry_one(const Common& common, const BridgeArguments& arguments, Broker& from, Broker& to,
                               const std::string& topic, const std::string& group) {
  const CarryOptions options{
      .from = from, .to = to, .topic = named(common, topic), .group = named(common, group), .bridge = arguments.name};
  if (auto none = check_no_open_letters(from, options.topic, options.group); !none) return none.error();
  return carry_group(options);
}

/// Groups are carried over once, and that is all.
int carry(const Common& common, const BridgeArguments& arguments, Broker& from, Broker& to) {
  std::vector<std::vector<std::string>> rows;
  int status = done;
  for (const auto& topic : arguments.topics) {
    for (const auto& group : arguments.carried) {
      auto carried = carry_one(common, arguments, from, to, topic, group);
      if (!carried) {
        complain(Error{carried.error().code, topic + ", " + group + ": " + carried.error().message});
        status = failed;
        continue;
      }
      for (std::size_t partition = 0; partition < carried->positions.size(); ++partition) {
        if (common.json)
          (void)print(JsonLine()
                          .add("topic", topic)
                          .add("group", group)
                          .add("partition", static_cast<std::uint64_t>(partition))
                          .add("position", carried->positions[partition].value)
                          .str() +
                      "\n");
        rows.push_back({printable(topic), printable(group), std::to_string(partition),
                        std::to_string(carried->positions[partition].value)});
      }
      if (carried->handled_again > 0)
        complain(group + " gets " + std::to_string(carried->handled_again) + " events of " + topic +
                 " again, which stand behind one that it has not settled");
    }
  }
  if (!common.json && !rows.empty()) (void)print(table({"TOPIC", "GROUP", ">PARTITION", ">POSITION"}, rows));
  return status;
}

}  // namespace

int bridge(const Common& common, const BridgeArguments& arguments) {
  if (are_one(arguments.from, arguments.to)) {
    complain("the source and the target are one broker: " + printable(arguments.from));
    return wrong_usage;
  }
  if (!arguments.carried.empty() && arguments.topics.empty()) {
    complain("--carry wants the --topic of the group");
    return wrong_usage;
  }
  for (const auto& url : {arguments.from, arguments.to})
    if (auto fine = check_broker(url); !fine) return fail(fine.error());
  for (const auto& topic : arguments.topics)
    if (auto fine = check_names(common, topic); !fine) return fail(fine.error());
  for (const auto& group : arguments.carried)
    if (auto fine = check_names(common, {}, group); !fine) return fail(fine.error());
  auto from = open_at(common, arguments.from, true);
  if (!from) return fail(from.error());
  auto to = open_at(common, arguments.to, false);
  if (!to) return fail(to.error());
  if (!arguments.carried.empty()) return carry(common, arguments, **from, **to);

  BridgeOptions options{.name = arguments.name, .partitions = arguments.partitions, .follow = arguments.follow};
  for (const auto& topic : arguments.topics) options.topics.push_back(named(common, topic));
  catch_signals();
  Bridge bridge(**from, **to, options);
  Result<> result;
  std::atomic<bool> ended = false;
  std::jthread thread([&](const std::stop_token& stop) {
    result = bridge.run(stop);
    ended = true;
  });
  auto told = std::chrono::steady_clock::now();
  while (!ended && caught_signal() == 0) {
    if (await(-1, 0, tick) == Awaited::interrupted) break;
    if (const auto now = std::chrono::steady_clock::now(); now - told >= tell_every) {
      told = now;
      tell(common, bridge.progress());
    }
  }
  thread.request_stop();
  thread.join();
  tell(common, bridge.progress());
  if (!result) return status_after_signals(fail(result.error()));
  return status_after_signals(done);
}

}  // namespace tidings::cli
