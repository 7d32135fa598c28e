#include "output.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "interrupt.hpp"
#include "tidings/base/text.hpp"
#include "tidings/service/names.hpp"

namespace tidings::cli {
namespace {

constexpr std::string_view any_file_system = "?any_file_system=true";  // the one option of a log

}  // namespace

void complain(std::string_view line) {
  const auto text = "tidings: " + printable(line) + "\n";
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) return;  // nobody left to tell
}

void complain(const Error& error) {
  complain(to_string(error));
}

int fail(const Error& error) {
  complain(error);
  const auto& code = error.code;
  const bool is_usage = code.starts_with("invalid_") || code == "unknown_broker" || code == "unknown_store" ||
                        code == "unknown_capability" || code == "capability_conflict";
  return is_usage ? wrong_usage : failed;
}

Result<> write_out(std::string_view text) {
  while (!text.empty()) {
    // A pipe that can be written takes PIPE_BUF bytes at least: a write of no more never blocks, so signals are seen.
    pollfd output{STDOUT_FILENO, POLLOUT, 0};
    if (await(STDOUT_FILENO, POLLOUT, std::chrono::milliseconds{-1}) == Awaited::interrupted &&
        ::poll(&output, 1, 0) <= 0)
      return Error{"interrupted", "a signal came while nobody read the output"};
    const auto put = ::write(STDOUT_FILENO, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    if (put < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (put < 0 && errno == EPIPE) return Error{"closed_pipe", "nobody reads the output any more"};
    if (put < 0)
      return Error{errno == ENOSPC ? "disk_full" : "io_error",
                   std::string("cannot write the output: ") + std::strerror(errno)};
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

bool is_output_closed() {
  pollfd output{STDOUT_FILENO, 0, 0};
  return ::poll(&output, 1, 0) > 0 && (output.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

int print(std::string_view text) {
  auto written = write_out(text);
  if (written || written.error().code == "closed_pipe") return done;
  complain(written.error());
  return failed;
}

std::string table(const std::vector<std::string>& heading, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  widths.reserve(heading.size());
  for (const auto& title : heading) widths.push_back(title.starts_with('>') ? title.size() - 1 : title.size());
  for (const auto& row : rows)
    for (std::size_t i = 0; i < heading.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells, bool is_heading) {
    std::string text;
    for (std::size_t i = 0; i < heading.size(); ++i) {
      const bool right = heading[i].starts_with('>');
      const auto cell = is_heading && right ? cells[i].substr(1) : cells[i];
      const std::string pad(widths[i] - cell.size(), ' ');
      text += (i == 0 ? "" : "  ") + (right ? pad + cell : cell + pad);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  };
  line(heading, true);
  for (const auto& row : rows) line(row, false);
  return out;
}

Result<> check_names(const Common& common, std::string_view topic, std::string_view group) {
  if (!common.name_space.empty())
    if (auto valid = validate_name("namespace", common.name_space); !valid) return valid;
  if (!topic.empty())
    if (auto valid = validate_name("topic", named(common, topic)); !valid) return valid;
  return group.empty() ? Result<>{} : validate_name("group", named(common, group));
}

Result<> check_broker(std::string_view url) {
  const auto scheme = url.substr(0, url.find(':'));
  const auto rest = url.substr(std::min(url.size(), scheme.size() + 1));
  const bool is_known = scheme.size() < url.size() &&
                        std::ranges::any_of(broker_factories(), [&](const auto& one) { return one.scheme == scheme; });
  if (is_known && scheme == "memory")
    return Error{"invalid_url", "'" + printable(url) +
                                    "' lives in one process only, and every command is one of its own; use log:DIR"};
  const auto option = rest.substr(std::min(rest.size(), rest.find('?')));
  const bool is_right =
      scheme != "log" || (option.size() < rest.size() && (option.empty() || option == any_file_system));
  if (is_known && is_right) return {};
  auto opened = open_broker(url);  // which tells what is wrong before it makes anything
  return opened ? Result<>{} : opened.error();
}

Result<std::unique_ptr<Broker>> open(const Common& common, bool may_create) {
  const std::string_view url = common.broker;
  if (auto usable = check_broker(url); !usable) return usable.error();
  BrokerOptions options;
  options.create_topics = may_create;
  options.must_exist = !may_create;
  options.log = &stderr_log(LogLevel::warning);
  auto opened = open_broker(url, options);
  if (opened || may_create || (opened.error().code != "not_found" && opened.error().code != "not_a_log")) return opened;
  const auto path = printable(url.substr(4, url.find('?') - 4));
  return Error{opened.error().code,
               (opened.error().code == "not_found" ? "there is no log at " + path : opened.error().message) +
                   "; name one with --broker log:DIR or TIDINGS_BROKER, or publish first"};
}

std::string named(const Common& common, std::string_view name) {
  return in_namespace(common.name_space, name);
}

std::string unnamed(const Common& common, std::string_view name) {
  const auto prefix = in_namespace(common.name_space, "");
  return name.starts_with(prefix) ? std::string(name.substr(prefix.size())) : std::string();
}

}  // namespace tidings::cli
