// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and
// https://opentelemetry.io/docs/specs/otel/protocol/exporter/
#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>

#include "ops/http_parse.hpp"
#include "ops/http_url.hpp"
#include "ops/tls.hpp"
#include "tidings/base/percent.hpp"
#include "tidings/base/strings.hpp"
#include "tidings/base/text.hpp"
#include "tidings/ops/trace.hpp"

namespace tidings::ops {

namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

/// An empty variable is as one that is not there.
std::optional<std::string> value_of(const Variables& variables, std::initializer_list<std::string_view> names) {
  for (const auto name : names)
    for (const auto& [known, value] : variables)
      if (known == name && !value.empty()) return value;
  return std::nullopt;
}

bool is_header(std::string_view text) {
  return !text.empty() && std::ranges::none_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

/// `a=1,b=2`, percent-encoded.
Result<Variables> pairs_of(std::string_view name, std::string_view list) {
  Variables pairs;
  while (!list.empty()) {
    const auto one = trimmed(list.substr(0, list.find(',')));
    list.remove_prefix(std::min(list.size(), list.find(',') == list.npos ? list.size() : list.find(',') + 1));
    if (one.empty()) continue;
    const auto equals = one.find('=');
    auto value = equals == one.npos ? std::nullopt : percent_decoded_strictly(trimmed(one.substr(equals + 1)));
    const auto key = trimmed(one.substr(0, equals));
    if (!value || !is_header(key) || (!value->empty() && !is_header(*value)))
      return Error{"invalid_setting", std::string(name) + " must be NAME=VALUE with commas between"};
    pairs.emplace_back(key, std::move(*value));
  }
  return pairs;
}

Result<> read_whole(const Variables& variables, std::initializer_list<std::string_view> names, std::int64_t least,
                    const std::function<void(std::int64_t)>& take) {
  const auto text = value_of(variables, names);
  if (!text) return {};
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (problem != std::errc{} || end != text->data() + text->size() || number < least || number > 1'000'000'000)
    return Error{"invalid_setting", std::string(*names.begin()) + " must be a whole number from " +
                                        std::to_string(least) + ", not '" + printable(*text) + "'"};
  take(number);
  return {};
}

Result<Sampler> sampler_of(const Variables& variables) {
  const auto name = value_of(variables, {"OTEL_TRACES_SAMPLER"}).value_or("parentbased_always_on");
  Sampler sampler{.follows_parent = name.starts_with("parentbased_")};
  const auto kind = std::string_view(name).substr(sampler.follows_parent ? std::string_view("parentbased_").size() : 0);
  if (kind == "always_on") return sampler;
  sampler.share = 0;
  if (kind == "always_off") return sampler;
  if (kind != "traceidratio")
    return Error{"invalid_setting",
                 "OTEL_TRACES_SAMPLER must be one of always_on, always_off, traceidratio, and these "
                 "behind parentbased_, not '" +
                     printable(name) + "'"};
  const auto text = value_of(variables, {"OTEL_TRACES_SAMPLER_ARG"}).value_or("1");
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), sampler.share);
  if (problem != std::errc{} || end != text.data() + text.size() || !(sampler.share >= 0 && sampler.share <= 1))
    return Error{"invalid_setting", "OTEL_TRACES_SAMPLER_ARG must be from 0 to 1, not '" + printable(text) + "'"};
  return sampler;
}

}  // namespace

Result<TraceOptions> trace_options(const Variables& variables, std::string_view service) {
  TraceOptions options;
  if (in_lower_case(value_of(variables, {"OTEL_SDK_DISABLED"}).value_or("")) == "true") return options;
  const auto exporter = value_of(variables, {"OTEL_TRACES_EXPORTER"}).value_or("otlp");
  if (exporter == "none") return options;
  if (exporter != "otlp")
    return Error{"unsupported", "OTEL_TRACES_EXPORTER: otlp is spoken here, not '" + printable(exporter) + "'"};
  if (auto own = value_of(variables, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"})) {
    options.endpoint = std::move(*own);
  } else if (auto all = value_of(variables, {"OTEL_EXPORTER_OTLP_ENDPOINT"})) {
    // Looked at before the path is put behind it, which would be taken for the host of one that has none.
    if (auto url = parse_http_url(*all); !url)
      return Error{url.error().code, "OTEL_EXPORTER_OTLP_ENDPOINT: " + url.error().message};
    options.endpoint = *all + (all->ends_with('/') ? "" : "/") + "v1/traces";
  } else {
    return options;
  }
  const auto url = parse_http_url(options.endpoint);
  if (!url) return Error{url.error().code, "OTEL_EXPORTER_OTLP_ENDPOINT: " + url.error().message};
  options.authorities_file =
      value_of(variables, {"OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"}).value_or("");
  if (url->is_secure)
    if (const auto trust = TlsTrust::of(options.authorities_file); !trust)
      return trust.error().code == "unsupported"
                 ? Error{"unsupported", "OTEL_EXPORTER_OTLP_ENDPOINT: " + trust.error().message}
                 : Error{"invalid_setting", "OTEL_EXPORTER_OTLP_CERTIFICATE: " + trust.error().message};
  const auto protocol = value_of(variables, {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"});
  if (protocol && !protocol->starts_with("http/"))
    return Error{"unsupported",
                 "OTEL_EXPORTER_OTLP_PROTOCOL: http/json is spoken here, which every collector takes "
                 "where it takes http/protobuf, as on port 4318; not '" +
                     printable(*protocol) + "'"};
  if (const auto list = value_of(variables, {"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"})) {
    auto headers = pairs_of("OTEL_EXPORTER_OTLP_HEADERS", *list);
    if (!headers) return headers.error();
    for (const auto& [header, value] : *headers)
      if (!is_header_to_add(header))
        return Error{"invalid_setting", "OTEL_EXPORTER_OTLP_HEADERS: '" + printable(header) +
                                            "' is no header that can be added; the exporter sets Host, Connection and "
                                            "those of the body itself"};
    options.headers = std::move(*headers);
  }
  auto sampler = sampler_of(variables);
  if (!sampler) return sampler.error();
  options.sampler = *sampler;
  using Milliseconds = std::chrono::milliseconds;
  Result<> fine = read_whole(variables, {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"}, 1,
                             [&](std::int64_t number) { options.timeout = Milliseconds{number}; });
  if (fine)
    fine = read_whole(variables, {"OTEL_BSP_EXPORT_TIMEOUT"}, 1, [&](std::int64_t number) {
      options.timeout = std::min<Duration>(options.timeout, Milliseconds{number});
    });
  if (fine)
    fine = read_whole(variables, {"OTEL_BSP_SCHEDULE_DELAY"}, 1,
                      [&](std::int64_t number) { options.delay_max = Milliseconds{number}; });
  if (fine)
    fine = read_whole(variables, {"OTEL_BSP_MAX_QUEUE_SIZE"}, 1,
                      [&](std::int64_t number) { options.queue_max = static_cast<std::size_t>(number); });
  if (fine)
    fine = read_whole(variables, {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE"}, 1,
                      [&](std::int64_t number) { options.batch_max = static_cast<std::size_t>(number); });
  if (!fine) return fine.error();
  options.batch_max = std::min(options.batch_max, options.queue_max);

  std::string name(service);
  if (const auto list = value_of(variables, {"OTEL_RESOURCE_ATTRIBUTES"})) {
    auto pairs = pairs_of("OTEL_RESOURCE_ATTRIBUTES", *list);
    if (!pairs) return pairs.error();
    for (auto& [key, value] : *pairs) {
      if (key == "service.name")
        name = value;
      else
        options.resource.push_back({key, std::move(value)});
    }
  }
  name = value_of(variables, {"OTEL_SERVICE_NAME"}).value_or(name);
  options.resource.push_back({"service.name", name});
  options.resource.push_back({"telemetry.sdk.name", std::string("tidings")});
  options.resource.push_back({"telemetry.sdk.language", std::string("cpp")});
  return options;
}

}  // namespace tidings::ops
