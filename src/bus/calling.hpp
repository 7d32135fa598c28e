#pragma once

#include <exception>
#include <optional>

#include "bus/bus_envelope.hpp"
#include "bus/slot.hpp"
#include "tidings/bus/bus_result.hpp"
#include "tidings/event/context.hpp"

namespace tidings::bus {

class Registry;

/// Where the publications of one handler call go: back to the bus, as they are.
class BusOutlet final : public detail::Outlet {
 public:
  BusOutlet(Registry& registry, Slot& slot) : registry_(registry), slot_(slot) {}
  Result<> publish(std::string_view topic, Envelope envelope) override;
  std::optional<Result<>> publish_typed(const EventType& type, const void* event, const EnvelopeView& cause) override;
  Result<> unsubscribe() override;

 private:
  Registry& registry_;
  Slot& slot_;
};

/// One event on its way through its subscribers, on one thread. What few handlers ask for is made when they do.
class Calling {
 public:
  /// `publishers`: the result that a publisher gets; null: none does.
  Calling(Registry& registry, const AnyEvent& event, const EnvelopeView* cause, BusResult& result,
          const BusResult* publishers)
      : registry_(&registry), event_(&event), cause_(cause), result_(&result), publishers_(publishers) {}

  [[nodiscard]] const AnyEvent& event() const { return *event_; }
  [[nodiscard]] Registry& registry() const { return *registry_; }
  [[nodiscard]] BusResult& result() const { return *result_; }
  [[nodiscard]] const EnvelopeView* cause() const { return cause_; }

  /// Where errors go from now on; returns where they went.
  BusResult* redirect(BusResult* result) { return std::exchange(result_, result); }
  /// An error of the running handler, on its way to the publisher with its subscriber's name; to others, who know it,
  /// as it is.
  void fail(Error error);

  [[nodiscard]] const BusEnvelope& envelope();
  /// An envelope that was made before, on the publisher's thread.
  void use(const BusEnvelope& envelope) { told_.emplace().envelope = envelope; }
  /// For the handler of `slot`.
  [[nodiscard]] Context& context(Slot& slot);

 private:
  struct ForHandler {
    ForHandler(Registry& registry, Slot& handler, const EnvelopeView& view)
        : outlet(registry, handler), context(view, {}, "bus", outlet), slot(&handler) {}
    BusOutlet outlet;
    Context context;
    Slot* slot;  ///< whose context it is
  };
  /// Together, since a publish that nobody asks shall pay for one flag only.
  struct Told {
    std::optional<BusEnvelope> envelope;
    std::optional<EnvelopeView> view;
    std::optional<ForHandler> handler;
  };

  Registry* registry_;
  const AnyEvent* event_;
  const EnvelopeView* cause_;
  BusResult* result_;
  const BusResult* publishers_;
  std::optional<Told> told_;
};

/// The exception that is handled right now, as an error.
[[nodiscard]] Error error_of_exception();
/// `error` as a publisher gets it: which subscriber failed, in front. Where one publishes to the next, each adds its
/// name.
[[nodiscard]] Error named(Error error, const Slot& slot);

}  // namespace tidings::bus
