#include "dashboard/answers.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "dashboard/access.hpp"
#include "tidings/base/text.hpp"

namespace tidings::cli {
namespace {

int status_of(const Error& error) {
  const auto& code = error.code;
  if (code == "invalid_event" || code.starts_with("invalid_") || code == "too_large") return 400;
  if (code.starts_with("unknown_") || code == "no_store" || code == "not_found") return 404;
  if (code == "group_active" || code == "saga_over" || code == "beyond_inbox_window" || code == "nobody_answers" ||
      code == "unsupported" || code == "topic_exists_with")
    return 409;
  if (error.retry == Retry::same_call || code == "closed" || code == "audit_failed") return 503;
  return 500;
}

}  // namespace

ops::HttpAnswer answer_of(Result<std::string> json) {
  if (json) return {.status = 200, .body = std::move(*json)};
  return error_answer(status_of(json.error()), json.error().code, json.error().message);
}

ops::HttpAnswer event_stream() {
  return {.status = 200, .body = {}, .type = "text/event-stream", .headers = {{"X-Accel-Buffering", "no"}}};
}

std::string stream_message(std::string_view event, const std::string& json) {
  std::string out = "event: ";
  out.append(event).append("\ndata: ").append(json).append("\n\n");
  return out;
}

Result<std::string> text_member(const JsonTree& body, std::string_view name, bool must) {
  const auto* const member = body.find(name);
  const bool is_null = member != nullptr && member->kind == JsonTree::Kind::other && member->scalar == "null";
  if (member == nullptr || is_null) {
    if (!must) return std::string();
    return Error{"invalid_request", "the request lacks \"" + std::string(name) + "\""};
  }
  if (member->kind != JsonTree::Kind::text && member->kind != JsonTree::Kind::other)
    return Error{"invalid_request", "\"" + std::string(name) + "\" of the request is to be a text"};
  return member->scalar;
}

Result<bool> flag_member(const JsonTree& body, std::string_view name, bool otherwise) {
  const auto* const member = body.find(name);
  if (member == nullptr) return otherwise;
  const bool is_true = member->kind == JsonTree::Kind::other && member->scalar == "true";
  if (!is_true && (member->kind != JsonTree::Kind::other || member->scalar != "false"))
    return Error{"invalid_request", "\"" + std::string(name) + "\" of the request is to be true or false"};
  return is_true;
}

Result<> has_only(const JsonTree& body, std::span<const std::string_view> known) {
  std::set<std::string_view> names;
  for (const auto& [name, member] : body.members) {
    if (!names.insert(name).second)
      return Error{"invalid_request", "the request has \"" + printable(name) + "\" twice; say it once"};
    if (std::ranges::find(known, name) != known.end()) continue;
    std::string all;
    for (const auto one : known) all.append(all.empty() ? "" : ", ").append(one);
    return Error{"invalid_request", "\"" + printable(name) + "\" is not known here; there are " + all};
  }
  return {};
}

Result<std::uint64_t> whole_number(std::string_view name, const std::string& text,
                                   std::optional<std::uint64_t> otherwise) {
  if (text.empty() && otherwise) return *otherwise;
  std::uint64_t number = 0;
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end || text.empty())
    return Error{"invalid_request", std::string(name) + " is to be a whole number, not '" + printable(text) + "'"};
  return number;
}

Result<std::optional<TimePoint>> time_of(const std::string& text) {
  if (text.empty()) return std::optional<TimePoint>{};
  auto time = parse_rfc3339(text);
  if (!time) return time.error();
  return std::optional(*time);
}

}  // namespace tidings::cli
