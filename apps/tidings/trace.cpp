#include <map>
#include <set>

#include "causes.hpp"
#include "commands.hpp"
#include "interrupt.hpp"
#include "json_line.hpp"
#include "output.hpp"
#include "place.hpp"
#include "tidings/base/text.hpp"

// `tidings trace`: what one cause set off, over all topics.
namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

/// What a tree of them prints, causes before their effects, those of one cause by their time.
class Tree {
 public:
  /// Sorted by time.
  Tree(std::vector<Seen> seen, bool json) : seen_(std::move(seen)), json_(json) {
    std::set<std::string_view> known;
    for (const auto& one : seen_) known.insert(one.id);
    for (const auto& one : seen_)
      (known.contains(one.cause) && one.cause != one.id ? effects_[one.cause] : roots_).push_back(&one);
  }
  std::string text() {
    for (const auto* const root : roots_) add(*root, 0, nullptr);
    // Causes in a circle are no tree's; nothing is kept back for that.
    for (const auto& one : seen_) add(one, 0, nullptr);
    return std::move(out_);
  }

 private:
  void add(const Seen& one, std::size_t depth, const Seen* cause) {
    if (!shown_.insert(&one).second) return;
    if (json_)
      out_ += harmless_json(JsonLine()
                                .add("depth", static_cast<std::uint64_t>(depth))
                                .add("id", one.id)
                                .add("type", one.type)
                                .add("key", one.key)
                                .add("topic", one.topic)
                                .add("partition", one.partition)
                                .add("offset", one.offset)
                                .add("time", to_rfc3339(one.time))
                                .add("causationid", one.cause)
                                .add("correlationid", one.correlation)
                                .str()) +
              "\n";
    else
      out_ += std::string(2 * depth, ' ') + printable(one.type) + (one.key.empty() ? "" : " " + printable(one.key)) +
              "  " + one.topic + "/" + std::to_string(one.partition) + "@" + std::to_string(one.offset) + "  " +
              (cause == nullptr ? to_rfc3339(one.time) : after(one.time - cause->time)) + "  " + printable(one.id) +
              "\n";
    if (!expanded_.insert(one.id).second) return;  // the same event, in another place
    if (const auto effects = effects_.find(one.id); effects != effects_.end())
      for (const auto* const effect : effects->second) add(*effect, depth + 1, &one);
  }
  /// With as many digits as people look at.
  static std::string after(Duration time) {
    using std::chrono::round;
    const auto length = time < Duration::zero() ? -time : time;
    const auto shown = length < 10ms  ? Duration(round<std::chrono::microseconds>(length))
                       : length < 10s ? Duration(round<std::chrono::milliseconds>(length))
                                      : Duration(round<std::chrono::seconds>(length));
    return (time < Duration::zero() ? "-" : "+") + to_text(shown);
  }

  std::vector<Seen> seen_;
  const bool json_;
  std::vector<const Seen*> roots_;
  std::map<std::string, std::vector<const Seen*>, std::less<>> effects_;  // by the id of their cause
  std::set<const Seen*> shown_;
  std::set<std::string_view> expanded_;
  std::string out_;
};

}  // namespace

int trace(const Common& common, const TraceArguments& arguments) {
  catch_signals();
  if (auto valid = check_names(common, ""); !valid) return fail(valid.error());
  const auto from = parse_place(arguments.from);
  if (!from) return fail(from.error());
  auto broker = open(common, false);
  if (!broker) return fail(broker.error());
  auto seen = chain_of(**broker, common, arguments.id,
                       {.from = *from,
                        .goes_on = [] { return caught_signal() == 0; },
                        .on_unfinished =
                            [](const std::string& topic, Duration quiet) {
                              complain("topic " + printable(topic) + " has given nothing for " + to_text(quiet) +
                                       ", before its end; what it has beyond is missing here");
                            }});
  if (!seen) return fail(seen.error());
  if (caught_signal() != 0) return status_after_signals(done);
  if (seen->empty())
    return fail({"not_found", "no event has the correlation id or the id '" + printable(arguments.id) +
                                  "' in what the topics keep" +
                                  (arguments.from == "earliest" ? "" : " from " + printable(arguments.from) + " on")});
  return print(Tree(std::move(*seen), common.json).text());
}

}  // namespace tidings::cli
