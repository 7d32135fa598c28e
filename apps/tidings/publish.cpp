#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "commands.hpp"
#include "interrupt.hpp"
#include "lines.hpp"
#include "output.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/json.hpp"
#include "tidings/event/make_envelope.hpp"

namespace tidings::cli {
namespace {

constexpr std::size_t batch_lines_max = 1000;
constexpr std::size_t batch_bytes_max = std::size_t{1} << 20;

/// How far a file is read, on a terminal.
class Progress {
 public:
  Progress(int descriptor, bool is_named) {
    struct stat status{};
    if (is_named && ::isatty(STDERR_FILENO) != 0 && ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode))
      bytes_total_ = static_cast<std::uint64_t>(status.st_size);
  }
  void show(std::uint64_t bytes, std::uint64_t published) {
    const auto now = std::chrono::steady_clock::now();
    if (bytes_total_ == 0 || now - shown_ < std::chrono::milliseconds{100}) return;
    shown_ = now;
    const auto part = std::min<std::uint64_t>(bytes * 40 / bytes_total_, 40);
    std::string bar;
    for (std::uint64_t i = 0; i < 40; ++i) bar += i < part ? "█" : "░";
    put("\r" + bar + " " + std::to_string(std::min<std::uint64_t>(bytes * 100 / bytes_total_, 100)) + " %  " +
        std::to_string(published) + " events");
  }
  ~Progress() {
    if (shown_ != std::chrono::steady_clock::time_point{}) put("\r\x1b[K");
  }

 private:
  static void put(const std::string& text) {
    if (::write(STDERR_FILENO, text.data(), text.size()) < 0) return;
  }
  std::uint64_t bytes_total_ = 0;
  std::chrono::steady_clock::time_point shown_{};
};

class Publishing {
 public:
  Publishing(Broker& broker, const Common& common, const PublishArguments& arguments)
      : broker_(broker), arguments_(arguments), topic_(named(common, arguments.topic)) {}

  Result<> begin() {
    if (auto valid = validate_name("topic", topic_); !valid) return valid;
    TopicOptions options;
    options.partitions = arguments_.partitions;
    if (!arguments_.durability.empty()) {
      auto durability = parse_durability(arguments_.durability);
      if (!durability) return durability.error();
      options.durability = *durability;
    }
    for (const auto& header : arguments_.headers) {
      const auto equals = header.find('=');
      if (equals == header.npos || equals == 0)
        return Error{"invalid_header", "'" + header + "': write --header NAME=VALUE"};
      headers_.set(header.substr(0, equals), header.substr(equals + 1));
    }
    if (auto made = broker_.create_topic(topic_, options); !made) return made;
    auto info = broker_.topic(topic_);
    if (!info) return info.error();
    event_bytes_max_ = info->event_bytes_max;
    return {};
  }

  [[nodiscard]] std::size_t event_bytes_max() const { return event_bytes_max_; }
  [[nodiscard]] std::uint64_t published() const { return published_; }
  [[nodiscard]] bool any_failed() const { return any_failed_; }
  [[nodiscard]] bool is_empty() const { return lines_.empty(); }
  [[nodiscard]] bool is_full() const { return lines_.size() >= batch_lines_max || bytes_ >= batch_bytes_max; }

  void add(const LineReader::Line& line) {
    if (line.too_long)
      return fail(line.number, {"too_large", "the line is longer than an event of this topic may be (" +
                                                 std::to_string(event_bytes_max_) + " bytes)"});
    if (line.text.find_first_not_of(" \t\r") == line.text.npos) return;  // nothing on it
    auto envelope = make(line.text);
    if (!envelope) return fail(line.number, envelope.error());
    bytes_ += size_bytes(envelope->view());
    lines_.push_back({line.number, std::move(*envelope)});
  }

  /// Error: the output is gone.
  Result<> flush() {
    std::vector<EnvelopeView> events;
    events.reserve(lines_.size());
    for (const auto& line : lines_) events.push_back(line.envelope.view());
    auto places = broker_.publish(topic_, events);
    std::string acks;
    if (!places) {
      for (const auto& line : lines_) fail(line.number, places.error());
    } else {
      published_ += events.size();
      for (std::size_t i = 0; arguments_.acks && i < events.size(); ++i)
        acks += std::string(events[i].id) + " " + std::to_string((*places)[i].partition.value) + " " +
                std::to_string((*places)[i].offset.value) + "\n";
    }
    lines_.clear();
    bytes_ = 0;
    return acks.empty() ? Result<>{} : write_out(acks);
  }

 private:
  struct Line {
    std::uint64_t number;
    Envelope envelope;
  };

  Result<Envelope> make(std::string_view data) {
    if (auto valid = check_json(data); !valid) return valid.error();
    auto envelope = begin_envelope({.source = arguments_.source});
    envelope.type = arguments_.type.empty() ? arguments_.topic : arguments_.type;
    envelope.data_content_type = "application/json";
    envelope.headers = headers_;
    envelope.key = arguments_.key;
    if (!arguments_.key_field.empty()) {
      auto key = json_member_text(data, arguments_.key_field);
      if (!key) return key.error();
      envelope.key = std::move(*key);
    }
    while (data.ends_with('\r')) data.remove_suffix(1);
    envelope.payload = data;
    if (auto valid = validate(envelope.view(), event_bytes_max_); !valid) return valid.error();
    return envelope;
  }

  void fail(std::uint64_t number, const Error& error) {
    any_failed_ = true;
    complain("line " + std::to_string(number) + ": " + to_string(error));
  }

  Broker& broker_;
  const PublishArguments& arguments_;
  std::string topic_;
  Headers headers_;
  std::size_t event_bytes_max_ = 0;
  std::vector<Line> lines_;
  std::size_t bytes_ = 0;
  std::uint64_t published_ = 0;
  bool any_failed_ = false;
};

int run(Publishing& publishing, int descriptor, bool is_named) {
  LineReader reader(descriptor, publishing.event_bytes_max());
  Progress progress(descriptor, is_named);
  while (true) {
    // What was read is published before waiting for more: a line typed by hand leaves at once.
    if (publishing.is_full() || (!publishing.is_empty() && !reader.ready())) {
      if (auto flushed = publishing.flush(); !flushed) {
        if (flushed.error().code == "closed_pipe") return done;
        complain(flushed.error());
        return failed;
      }
      progress.show(reader.bytes_read(), publishing.published());
    }
    auto line = reader.next();
    if (!line) {
      complain(line.error());
      return failed;
    }
    if (!*line) break;
    publishing.add(**line);
  }
  if (!publishing.is_empty())
    if (auto flushed = publishing.flush(); !flushed && flushed.error().code != "closed_pipe") {
      complain(flushed.error());
      return failed;
    }
  return publishing.any_failed() ? failed : done;
}

}  // namespace

int publish(const Common& common, const PublishArguments& arguments) {
  catch_signals();
  int descriptor = STDIN_FILENO;
  const bool is_named = arguments.file != "-";
  if (is_named) {
    descriptor = ::open(arguments.file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
      complain("cannot open " + arguments.file + ": " + std::strerror(errno));
      return failed;
    }
  }
  auto broker = open(common, true);
  if (!broker) {
    complain(broker.error());
    return failed;
  }
  Publishing publishing(**broker, common, arguments);
  if (auto begun = publishing.begin(); !begun) {
    complain(begun.error());
    return failed;
  }
  return status_after_signals(run(publishing, descriptor, is_named));
}

}  // namespace tidings::cli
