#include "text_form.hpp"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "showing.hpp"
#include "tidings/base/text.hpp"
#include "tidings/service/names.hpp"

namespace tidings::cli {
namespace {

/// `2010-12-01T08:26:00.000Z`: always as wide.
std::string milliseconds(TimePoint time) {
  auto text = to_rfc3339(std::chrono::floor<std::chrono::milliseconds>(time));
  if (text.find('.') == text.npos) text.insert(text.size() - 1, ".000");
  return text;
}

/// The payload, or where it is, and whether anybody could read it.
std::string payload_of(const EnvelopeView& event) {
  const auto name = event.headers.get(claim::name);
  const bool is_elsewhere = name && event.payload.empty();
  const auto sealed = is_sealed(event) ? told_of_seal(event) : "";
  if (!is_elsewhere) return sealed.empty() ? printable(event.payload) : sealed;
  return "[claim check" + (sealed.empty() ? "" : ", " + sealed) + ": " +
         printable(event.headers.get(claim::size).value_or("?")) + " bytes in " + printable(*name) + ".payload]";
}

bool may_colour() {
  const char* const without = std::getenv("NO_COLOR");
  const char* const terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) != 0 && (without == nullptr || *without == '\0') &&
         (terminal == nullptr || std::string_view(terminal) != "dumb");
}

}  // namespace

TextForm::TextForm() : coloured_(may_colour()) {}

std::string TextForm::line(const DeliveryId& id, const EnvelopeView& event) const {
  const auto place = std::to_string(id.partition.value) + "/" + std::to_string(id.offset.value);
  return paint("2", milliseconds(event.time)) + "  " + paint("2", place) + "  " + paint("36", printable(event.type)) +
         "  " + paint("33", event.key.empty() ? "-" : printable(event.key)) + "  " + payload_of(event) + "\n";
}

std::string TextForm::paint(const char* colour, const std::string& text) const {
  return coloured_ ? std::string("\x1b[") + colour + "m" + text + "\x1b[0m" : text;
}

}  // namespace tidings::cli
