#include "dashboard/event_json.hpp"

#include <vector>

#include "json_line.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/redact.hpp"
#include "tidings/event/sealer.hpp"

namespace tidings::cli {
namespace {

constexpr std::size_t attribute_bytes_max = 1024;  // of one in a list

class Writing {
 public:
  Writing(const EnvelopeView& event, Wholeness wholeness, bool shows_redacted)
      : event_(event), whole_(wholeness == Wholeness::whole), shows_redacted_(shows_redacted) {}

  std::string json(const Delivery& delivery, std::string_view topic) {
    line_.add("id", text(event_.id))
        .add("type", text(event_.type))
        .add("topic", topic)
        .add("partition", delivery.id.partition.value)
        .add("offset", delivery.id.offset.value)
        .add("time", to_rfc3339(event_.time))
        .add("appended", to_rfc3339(delivery.appended))
        .add("source", text(event_.source))
        .add("subject", text(event_.subject))
        .add("key", text(event_.key))
        .add("correlation", text(event_.correlation_id))
        .add("causation", text(event_.causation_id))
        .add("traceparent", text(event_.trace_parent))
        .add("contenttype", text(event_.data_content_type))
        .add("version", event_.version)
        .raw("headers", headers())
        .add("bytes", static_cast<std::uint64_t>(size_bytes(event_)));
    payload();
    line_.raw("redacted", redacted());
    if (is_sealed(event_)) line_.add("sealed", text(seal_key(event_)));
    if (is_cut_) line_.raw("cut", "true");
    return line_.str();
  }

 private:
  std::string text(std::string_view attribute) {
    if (whole_ || attribute.size() <= attribute_bytes_max) return std::string(attribute);
    is_cut_ = true;
    auto end = attribute_bytes_max;
    while (end > attribute_bytes_max - 4 && (static_cast<unsigned char>(attribute[end]) & 0xc0) == 0x80) --end;
    return std::string(attribute.substr(0, end)) + "…";
  }

  std::string headers() {
    if (!whole_ && event_.headers.encoded().size() > listed_bytes_max) {
      is_cut_ = true;
      return "{}";
    }
    JsonLine line;
    std::vector<std::string_view> names;  // a JSON object has each once: the first counts, as for `get`
    for (const auto& [name, value] : event_.headers) {
      if (std::ranges::find(names, name) != names.end()) continue;
      names.push_back(name);
      line.add(name, value);
    }
    return line.str();
  }

  /// Pointers to what is masked; `*` where all is.
  std::string redacted() {
    const auto header = event_.headers.get(redact_header);
    if (!header || shows_redacted_ || is_sealed(event_)) return "[]";
    std::vector<std::string> paths;
    for (const auto& pointer : redact_pointers(*header).value_or(std::vector{std::string(redact_everything)}))
      paths.push_back(json_text(pointer));
    return json_array(paths);
  }

  void payload() {
    const auto& payload = event_.payload;
    if (is_sealed(event_)) {
      line_.add("text", told_of_seal(event_));
      return;
    }
    if (!whole_ && payload.size() > listed_bytes_max) {
      is_cut_ = true;
      return;
    }
    const auto& type = event_.data_content_type;
    const bool is_json = type.empty() || type.find("json") != type.npos;
    if (is_json && is_utf8(payload) && check_json(payload))
      line_.raw("data", json_on_a_line(payload));
    else if (is_utf8(payload) && payload.find('\0') == payload.npos)
      line_.add("text", payload);
    else
      line_.add("base64", to_base64(payload));
  }

  const EnvelopeView event_;
  const bool whole_;
  const bool shows_redacted_;
  bool is_cut_ = false;
  JsonLine line_;
};

}  // namespace

std::string event_json(const Delivery& delivery, std::string_view topic, Wholeness wholeness, const Showing& showing) {
  Envelope kept;
  return Writing(showing.of(delivery.envelope, kept), wholeness, showing.shows_redacted()).json(delivery, topic);
}

std::string json_on_a_line(std::string_view json) {
  if (!check_json(json)) return json_text(json);
  std::string out(json);
  for (auto& one : out)
    if (one == '\n' || one == '\r') one = ' ';  // between values: within a text they are escaped
  return out;
}

}  // namespace tidings::cli
