#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "commands.hpp"
#include "interrupt.hpp"
#include "lines.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "publishing.hpp"

namespace tidings::cli {
namespace {

/// What there is to read; 0 where that is not known.
std::uint64_t size_of(int descriptor) {
  struct stat status{};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return 0;
  return static_cast<std::uint64_t>(status.st_size);
}

Result<> run(Publishing& publishing, int descriptor, Progress& progress) {
  LineReader reader(descriptor, publishing.event_bytes_max());
  while (true) {
    // What was read is published before waiting for more: a line typed by hand leaves at once.
    auto line = reader.next(publishing.is_empty() ? LineReader::Wait::yes : LineReader::Wait::no);
    if (!line) {
      if (auto flushed = publishing.is_empty() ? Result<>{} : publishing.flush(); !flushed) return flushed;
      return line.error();
    }
    if (*line) publishing.add(**line);
    if (publishing.is_full() || (!*line && !publishing.is_empty())) {
      if (auto flushed = publishing.flush(); !flushed) return flushed;
      progress.show(reader.bytes_read(), publishing.published());
    } else if (!*line) {
      return {};
    }
  }
}

Result<int> open_input(const std::string& file) {
  if (file == "-") return STDIN_FILENO;
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return Error{errno == ENOENT ? "not_found" : "io_error", "cannot open " + file + ": " + std::strerror(errno)};
  return descriptor;
}

}  // namespace

int publish(const Common& common, const PublishArguments& arguments) {
  catch_signals();
  std::optional<Progress> progress;
  bool is_read = true;  // the acknowledgements, by somebody
  std::string told;
  const auto on_failure = [&](std::uint64_t first, std::uint64_t last, const Error& error) {
    progress->hide();
    told = to_string(error);
    complain((first == last ? "line " : "lines " + std::to_string(first) + " to ") + std::to_string(last) + ": " +
             told);
  };
  const auto on_wait = [&](const Error& error) {
    progress->hide();
    complain(to_string(error) + "; trying for 30 s");
  };
  const auto on_acks = [&](std::string_view acks) -> Result<> {
    auto written = is_read ? write_out(acks) : Result<>{};
    if (written || written.error().code != "closed_pipe") return written;
    is_read = false;  // who has seen enough does not keep the rest from being published
    return {};
  };
  Publishing publishing(named(common, arguments.topic), common, arguments,
                        {.on_failure = on_failure, .on_wait = on_wait, .on_acks = on_acks});
  // What is wrong with the command line is told before anything is opened, or made.
  if (auto usable = check_broker(common.broker); !usable) return fail(usable.error());
  if (auto valid = check_names(common, arguments.topic); !valid) return fail(valid.error());
  if (auto valid = publishing.check(); !valid) return fail(valid.error());
  auto input = open_input(arguments.file);
  if (!input) return caught_signal() != 0 ? status_after_signals(failed) : fail(input.error());
  auto broker = open(common, true);
  if (!broker) return fail(broker.error());
  progress.emplace(size_of(*input));
  if (auto begun = publishing.begin(**broker); !begun) return fail(begun.error());
  if (::isatty(*input) != 0 && ::isatty(STDERR_FILENO) != 0) complain("one JSON value a line; Ctrl-D ends");
  auto ran = run(publishing, *input, *progress);
  progress->sum_up(publishing.published(), arguments.topic);
  if (!ran && ran.error().code != "interrupted") {
    if (to_string(ran.error()) != told) complain(ran.error());
    if (publishing.published() > 0)
      complain("stopped; " + std::to_string(publishing.published()) +
               " events were published, the lines after were not");
  }
  return status_after_signals(ran && !publishing.any_failed() ? done : failed);
}

}  // namespace tidings::cli
