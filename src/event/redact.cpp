#include "tidings/event/redact.hpp"

#include <algorithm>
#include <charconv>
#include <compare>
#include <span>

#include "event/json_text.hpp"
#include "tidings/base/percent.hpp"
#include "tidings/event/json.hpp"
#include "tidings/event/sealer.hpp"

namespace tidings {

namespace {

using Steps = std::vector<std::string>;

/// The steps of a pointer; none where it is no pointer, or means the whole document.
std::optional<Steps> steps_of(std::string_view pointer) {
  if (!pointer.starts_with('/')) return std::nullopt;
  Steps steps;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    auto& step = steps.emplace_back();
    const auto end = std::min(pointer.find('/'), pointer.size());
    for (std::size_t at = 0; at < end; ++at) {
      if (pointer[at] != '~') {
        step += pointer[at];
        continue;
      }
      if (++at == end || (pointer[at] != '0' && pointer[at] != '1')) return std::nullopt;
      step += pointer[at] == '0' ? '~' : '/';
    }
    pointer.remove_prefix(end);
  }
  return steps;
}

/// Where a pointer has come to: so many of its steps lead to the value.
struct Stand {
  std::size_t pointer;
  std::size_t step;
  friend auto operator<=>(const Stand&, const Stand&) = default;
};
using Stands = std::vector<Stand>;

/// Goes through a document that is well-formed, and copies it but for what is masked.
class Masking {
 public:
  Masking(std::string_view json, std::span<const Steps> pointers) : json_(json), pointers_(pointers) {}

  std::string run() && {
    Stands stands;
    for (std::size_t pointer = 0; pointer < pointers_.size(); ++pointer) stands.push_back({pointer, 0});
    value(stands);
    return std::move(out_.append(json_.substr(copied_)));
  }

 private:
  void value(const Stands& stands) {
    blanks();
    for (const auto& [pointer, step] : stands)
      if (step == pointers_[pointer].size()) return mask();
    if (json_[at_] == '{')
      object(stands);
    else if (json_[at_] == '[')
      array(stands);
    else
      scalar();
  }

  void object(const Stands& stands) {
    ++at_;
    for (blanks(); json_[at_] != '}'; blanks()) {
      const auto name = text();
      blanks();
      ++at_;  // the colon
      Stands within;
      for (const auto& [pointer, step] : stands)
        if (const auto& wanted = pointers_[pointer][step]; wanted == "*" || wanted == name)
          within.push_back({pointer, step + 1});
      value(within);
      blanks();
      if (json_[at_] == ',') ++at_;
    }
    ++at_;
  }

  void array(const Stands& stands) {
    ++at_;
    std::size_t index = 0;
    for (blanks(); json_[at_] != ']'; blanks(), ++index) {
      const auto number = std::to_string(index);
      auto within = stands;
      for (const auto& [pointer, step] : stands)
        if (pointers_[pointer][step] == number) within.push_back({pointer, step + 1});
      if (within.size() > stands.size()) {  // each once: else they double with every array in an array
        std::ranges::sort(within);
        const auto [first, last] = std::ranges::unique(within);
        within.erase(first, last);
      }
      value(within);
      blanks();
      if (json_[at_] == ',') ++at_;
    }
    ++at_;
  }

  void scalar() {
    if (json_[at_] == '"') return skip_text();
    at_ = std::min(json_.find_first_of(",]} \t\r\n", at_), json_.size());
  }

  /// Takes a text, as what it means.
  std::string text() {
    const auto begin = at_ + 1;
    skip_text();
    const auto raw = json_.substr(begin, at_ - begin - 1);
    if (raw.find('\\') == raw.npos) return std::string(raw);
    const auto padded = std::string(raw) + '"' + std::string(special_step, '\0');
    std::string meant;
    (void)unescape_json(padded.data(), &meant);
    return meant;
  }

  void skip_text() {
    for (++at_; json_[at_] != '"'; ++at_)
      if (json_[at_] == '\\') ++at_;
    ++at_;
  }

  void mask() {
    out_.append(json_.substr(copied_, at_ - copied_)).append(redacted_value);
    value({});
    copied_ = at_;
  }

  void blanks() { at_ = std::min(json_.find_first_not_of(" \t\r\n", at_), json_.size()); }

  const std::string_view json_;
  const std::span<const Steps> pointers_;
  std::size_t at_ = 0;
  std::size_t copied_ = 0;  // all before is in `out_`, or masked
  std::string out_;
};

}  // namespace

std::optional<std::vector<std::string>> redact_pointers(std::string_view header) {
  // No header has a NUL, so what says one could not be written again.
  if (header.empty() || header.size() > redact_bytes_max || header.contains('\0')) return std::nullopt;
  std::vector<std::string> pointers;
  while (true) {
    const auto one = header.substr(0, header.find(','));
    auto pointer = percent_decoded_strictly(one);
    if (!pointer || !steps_of(*pointer) || pointers.size() == redact_pointers_max) return std::nullopt;
    pointers.push_back(std::move(*pointer));
    if (one.size() == header.size()) return pointers;
    header.remove_prefix(one.size() + 1);
  }
}

std::string redact_header_of(const std::vector<std::string>& pointers) {
  std::string header;
  for (const auto& pointer : pointers) header += (header.empty() ? "" : ",") + percent_encoded(pointer, ",");
  return redact_pointers(header) ? header : std::string(redact_everything);
}

std::string redact_json(std::string_view json, std::string_view header) {
  const auto pointers = redact_pointers(header);
  if (!pointers || !check_json(json)) return std::string(redacted_value);
  std::vector<Steps> steps;
  for (const auto& pointer : *pointers) steps.push_back(*steps_of(pointer));
  return Masking(json, steps).run();
}

std::string shown_payload(const EnvelopeView& event) {
  if (event.payload.empty() || is_sealed(event)) return std::string(event.payload);
  const auto header = event.headers.empty() ? std::nullopt : event.headers.get(redact_header);
  return header ? redact_json(event.payload, *header) : std::string(event.payload);
}

}  // namespace tidings
