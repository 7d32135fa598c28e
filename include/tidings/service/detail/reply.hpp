#pragma once

#include <optional>
#include <string>
#include <variant>

#include "tidings/event/event_type.hpp"
#include "tidings/event/make_envelope.hpp"

namespace tidings::service::detail {

/// A reply as the type that was asked for.
template <class Reply>
struct ReplyReader {
  static bool takes(std::string_view type) { return type == event_name<Reply>(); }
  static Result<Reply> read(const EnvelopeView& envelope) { return decode_event<Reply>(envelope); }
  static std::string name() { return std::string(event_name<Reply>()); }
};

template <class... Events>
struct ReplyReader<std::variant<Events...>> {
  using Reply = std::variant<Events...>;
  static bool takes(std::string_view type) { return ((type == event_name<Events>()) || ...); }
  static Result<Reply> read(const EnvelopeView& envelope) {
    std::optional<Result<Reply>> result;
    const auto one = [&]<class Event>() {
      if (result || envelope.type != event_name<Event>()) return;
      auto event = decode_event<Event>(envelope);
      if (event)
        result.emplace(Reply(std::move(*event)));
      else
        result.emplace(event.error());
    };
    (one.template operator()<Events>(), ...);
    return std::move(*result);
  }
  static std::string name() {
    std::string all;
    ((all += (all.empty() ? "" : ", ") + std::string(event_name<Events>())), ...);
    return all;
  }
};

template <class Reply>
Result<Reply> read_reply(const EnvelopeView& envelope) {
  if (!ReplyReader<Reply>::takes(envelope.type))
    return Error{"unexpected_reply",
                 "the reply is a " + std::string(envelope.type) + ", and was to be " + ReplyReader<Reply>::name()};
  return ReplyReader<Reply>::read(envelope);
}

}  // namespace tidings::service::detail
