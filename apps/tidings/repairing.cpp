#include "repairing.hpp"

#include "output.hpp"
#include "tidings/base/log_sink.hpp"

namespace tidings::cli {
namespace {

namespace log = tidings::log;

/// `orders/0` of `orders/0/….log`; empty for what belongs to no partition.
std::string partition_of(const std::string& file) {
  const auto topic = file.find('/');
  const auto number = topic == file.npos ? file.npos : file.find('/', topic + 1);
  const auto digits = number == file.npos ? std::string() : file.substr(topic + 1, number - topic - 1);
  return digits.empty() || digits.find_first_not_of("0123456789") != digits.npos ? std::string()
                                                                                 : file.substr(0, number);
}

/// Keeps what recovery says, for the output.
class Told final : public LogSink {
 public:
  void write(LogLevel, std::string_view line) override { text += (text.empty() ? "" : "; ") + std::string(line); }
  std::string text;
};

}  // namespace

void Repairing::found(const log::Finding& finding) {
  const auto name = partition_of(finding.file);
  if (name.empty()) return;
  partitions_[name].torn += finding.severity == log::Severity::torn ? 1 : 0;
  partitions_[name].is_damaged |= finding.severity == log::Severity::error;
}

void Repairing::run(const std::string& path, const std::function<void(const Repaired&)>& on_repaired) {
  for (const auto& [name, wrong] : partitions_) {
    if (wrong.torn == 0) continue;
    const auto slash = name.rfind('/');
    Told told;
    auto moved = wrong.is_damaged ? Result<>{Error{"damaged", name + " is damaged: its torn tail is left as it is"}}
                                  : log::move_torn_tail(path, name.substr(0, slash),
                                                        static_cast<std::uint32_t>(std::stoul(name.substr(slash + 1))),
                                                        {.log = &told, .any_file_system = any_file_system_});
    if (moved) {
      repaired_ += wrong.torn;
      on_repaired({name, told.text.empty() ? "cleared its torn tail, which held nothing" : told.text});
      continue;
    }
    complain(moved.error());
    left_any_ = true;
  }
}

}  // namespace tidings::cli
