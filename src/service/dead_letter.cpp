#include "service/dead_letter.hpp"

#include <charconv>

#include "tidings/base/key_hash.hpp"
#include "tidings/base/strings.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/sealer.hpp"

namespace tidings::service {

namespace {

constexpr std::size_t reason_bytes_max = 1024;
constexpr std::string_view of_ours = "tidings-dead-";
constexpr std::string_view by_key = "key";

template <class Number>
bool read(std::optional<std::string_view> text, Number& into) {
  if (!text) return false;
  const auto [end, problem] = std::from_chars(text->data(), text->data() + text->size(), into);
  return problem == std::errc{} && end == text->data() + text->size();
}

/// Keeps the letter that the event points into, and its headers without ours.
struct Kept {
  std::shared_ptr<const void> letter;
  Headers headers;
};

}  // namespace

std::string reason_text(std::string_view text) {
  const auto shown = printable(text);
  if (shown.size() <= reason_bytes_max) return shown;
  return std::string(cut_at_character(shown, reason_bytes_max)) + "…";
}

Headers letter_headers(HeadersView of_event, const LetterOptions& options) {
  const Error unknown{"failed", "no reason was given"};
  const auto& why = options.why != nullptr ? *options.why : unknown;
  Headers headers(of_event);
  mark_as_it_came(headers);
  headers.set(dead_letter::reason, reason_text(why.message.empty() ? why.code : why.message));
  headers.set(dead_letter::code, reason_text(why.code));
  headers.set(dead_letter::attempts, std::to_string(options.attempts));
  headers.set(dead_letter::topic, options.topic);
  headers.set(dead_letter::partition, std::to_string(options.partition.value));
  headers.set(dead_letter::offset, std::to_string(options.offset.value));
  headers.set(dead_letter::group, options.group);
  headers.set(dead_letter::time, to_rfc3339(options.time));
  // Those that need not be there must not be another's: an event may have been a dead letter elsewhere.
  headers.remove(dead_letter::hold);
  headers.remove(dead_letter::order);
  headers.remove(dead_letter::follows);
  if (!options.hold.empty()) headers.set(dead_letter::hold, options.hold);
  if (options.ordered) headers.set(dead_letter::order, by_key);
  if (options.follows) headers.set(dead_letter::follows, std::to_string(options.follows->value));
  return headers;
}

std::optional<Letter> letter_of(const EnvelopeView& envelope, std::string_view group) {
  Letter letter;
  const auto& headers = envelope.headers;
  if (headers.get(dead_letter::group) != group || !read(headers.get(dead_letter::offset), letter.offset) ||
      !read(headers.get(dead_letter::partition), letter.partition))
    return std::nullopt;
  letter.topic = headers.get(dead_letter::topic).value_or("");
  if (letter.topic.empty()) return std::nullopt;
  letter.hold = headers.get(dead_letter::hold).value_or("");
  letter.code = headers.get(dead_letter::code).value_or("");
  letter.reason = headers.get(dead_letter::reason).value_or("");
  (void)read(headers.get(dead_letter::attempts), letter.attempts);
  if (const auto time = headers.get(dead_letter::time))
    if (auto parsed = parse_rfc3339(*time)) letter.time = *parsed;
  letter.ordered = headers.get(dead_letter::order) == by_key && !envelope.key.empty();
  std::uint64_t first = 0;
  if (read(headers.get(dead_letter::follows), first)) letter.follows = first;
  if (letter.ordered) letter.key = key_hash(envelope.key);
  return letter;
}

Delivery event_of(const Delivery& letter, const Letter& told, std::uint64_t generation) {
  auto kept = std::make_shared<Kept>(Kept{letter.owner, {}});
  for (const auto& header : letter.envelope.headers)
    if (!header.name.starts_with(of_ours)) kept->headers.set(header.name, header.value);
  Delivery event{.id = {Partition{told.partition}, Offset{told.offset}, generation},
                 .envelope = letter.envelope,
                 .appended = letter.appended,
                 .attempt = told.attempts + 1,
                 .lost = 0,
                 .owner = nullptr};
  event.envelope.headers = kept->headers.view();
  event.owner = std::move(kept);
  return event;
}

}  // namespace tidings::service
