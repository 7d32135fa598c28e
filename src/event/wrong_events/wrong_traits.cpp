// Traits and upcasts that no event has, each with one sentence that says why; cmake/Refusals.cmake compiles each case.
#include "tidings/event/make_envelope.hpp"

namespace shop {

struct Other {
  std::string id;
};
using OrderId = tidings::Strong<struct OrderIdTag, std::string>;

struct Fine {
  std::string id;
  OrderId order;
  static std::string by_function(const Fine& self) { return self.id; }
  static constexpr tidings::traits<Fine> event{.name = "shop.fine",
                                               .version = 2,
                                               .topic = "fine-ones",
                                               .key = tidings::key<&Fine::order>,
                                               .encrypted = true,
                                               .redacted = tidings::redact<&Fine::id>};
};
/// `event` may be data too.
struct FineData {
  std::string event;
};

#define TRAITS static constexpr tidings::traits<Order> event
struct Order {
  std::string id;
  OrderId strong_id;
  double total = 0;
  [[nodiscard]] std::string method() const { return id; }
  static double wrong_function(const Order& self) { return self.total; }
  static std::string by_value(Order self) { return self.id; }
#ifdef OTHER_CLASS
  // refused: tidings: the traits of an event are a tidings::traits of its own class, and these are of another
  // names: Order
  static constexpr tidings::traits<Other> event{.name = "shop.order"};
#endif
#ifdef NOT_STATIC
  // refused: tidings: the traits of an event must be static
  // names: Order
  tidings::traits<Order> event{.name = "shop.order"};
#endif
#ifdef NOT_CONSTEXPR
  // refused: tidings: the traits of an event must be constexpr
  // names: Order
  static inline const tidings::traits<Order> event{.name = std::string_view("shop.order")};
#endif
#ifdef OTHER_TYPE
  // refused: tidings: the static member 'event' of an event is its tidings::traits
  // names: Order
  static constexpr int event = 1;
#endif
#ifdef A_FUNCTION
  // refused: tidings: the static member 'event' of an event is its tidings::traits
  // names: Order
  static int event() { return 1; }
#endif
#ifdef PRIVATE
  // refused: tidings: the member 'event' of an event must be public
  // names: Order
 private:
  TRAITS{.name = "shop.order"};

 public:
#endif
#ifdef REDACTED_OF_ANOTHER
  // refused: tidings: what is redacted of a class are data members of that very class
  // names: Order
  TRAITS{.redacted = tidings::redact<&Other::id>};
#endif
#ifdef REDACTED_METHOD
  // refused: tidings: what is redacted of a class are data members of that very class
  // names: Order
  TRAITS{.redacted = tidings::redact<&Order::method>};
#endif
#ifdef REDACTED_WITHOUT_A_WORD
  // refused: tidings: what is redacted of an event is spelled .redacted = tidings::redact<&Event::member, …>
  // names: Order
  TRAITS{.redacted = {&Order::id, &Order::total}};
#endif
#ifdef REDACTED_KEY
  // refused: tidings: the key of an event cannot be redacted, since it travels in the open
  // names: Order
  TRAITS{.key = &Order::id, .redacted = tidings::redact<&Order::total, &Order::id>};
#endif
#ifdef REDACTED_KEY_BY_NAME
  // refused: tidings: the key of an event cannot be redacted, since it travels in the open
  // names: Order
  TRAITS{.key = tidings::key<&Order::strong_id>, .redacted = tidings::redact<&Order::strong_id>};
#endif
#ifdef MISSPELT
  // refused: topik
  // names: Order
  // errors: 2
  // not by: clang
  TRAITS{.topik = "orders"};
#endif
#ifdef EMPTY_NAME
  // refused: tidings: the name of an event is 1 to 200 of A-Z a-z 0-9 . _ - without a leading -
  // names: Order
  TRAITS{.name = ""};
#endif
#ifdef NAME_WITH_BLANK
  // refused: tidings: the name of an event is 1 to 200 of A-Z a-z 0-9 . _ - without a leading -
  // names: Order
  TRAITS{.name = "order placed"};
#endif
#ifdef NAME_WITH_SLASH
  // refused: tidings: the name of an event is 1 to 200 of A-Z a-z 0-9 . _ - without a leading -
  // names: Order
  TRAITS{.name = "shop/order"};
#endif
#ifdef NAME_IS_A_FOLDER
  // refused: tidings: the name of an event is 1 to 200 of A-Z a-z 0-9 . _ - without a leading -
  // names: Order
  TRAITS{.name = ".."};
#endif
#ifdef NAME_LIKE_A_FLAG
  // refused: tidings: the name of an event is 1 to 200 of A-Z a-z 0-9 . _ - without a leading -
  // names: Order
  TRAITS{.name = "-order"};
#endif
#ifdef LONG_NAME
  // refused: tidings: the name of an event is 1 to 200 of A-Z a-z 0-9 . _ - without a leading -
  // names: Order
  TRAITS{.name =
             "shop.order.................................................................................."
             "..................................................................................................."
             "............."};
#endif
#ifdef EMPTY_TOPIC
  // refused: tidings: the topic of an event is 1 to 200 of A-Z a-z 0-9 . _ - without a leading -
  // names: Order
  TRAITS{.topic = ""};
#endif
#ifdef TOPIC_WITH_COLON
  // refused: tidings: the topic of an event is 1 to 200 of A-Z a-z 0-9 . _ - without a leading -
  // names: Order
  TRAITS{.topic = "shop:orders"};
#endif
#ifdef VERSION_0
  // refused: tidings: the version of an event is at least 1
  // names: Order
  TRAITS{.version = 0};
#endif
#ifdef NEGATIVE_VERSION
  // refused: -1
  // names: narrow
  // errors: 2
  TRAITS{.version = -1};
#endif
#ifdef KEY_IS_DOUBLE
  // refused: tidings: the key of an event is a text or an integer member
  // names: Order double
  TRAITS{.key = &Order::total};
#endif
#ifdef KEY_IS_STRONG
  // refused: a strong type is given by .key = tidings::key<&Event::member>
  // names: Order Strong
  TRAITS{.key = &Order::strong_id};
#endif
#ifdef STRONG_KEY_IS_DOUBLE
  // refused: tidings: the key of an event is a text or an integer, or a strong type of one
  // names: Order
  TRAITS{.key = tidings::key<&Order::total>};
#endif
#ifdef STRONG_KEY_OF_ANOTHER
  // refused: tidings: tidings::key names a member or a static function of the event's own class
  // names: Order
  TRAITS{.key = tidings::key<&Fine::order>};
#endif
#ifdef KEY_OF_ANOTHER
  // refused: tidings: the key of an event is a member of that very class, and this is one of another
  // names: Order Other
  TRAITS{.key = &Other::id};
#endif
#ifdef KEY_IS_METHOD
  // refused: tidings: the function that gives the key of an event must be static
  // names: Order
  TRAITS{.key = &Order::method};
#endif
#ifdef KEY_FUNCTION_RETURNS
  // refused: tidings: the function that gives the key of an event returns a text or an integer
  // names: Order
  TRAITS{.key = &Order::wrong_function};
#endif
#ifdef KEY_FUNCTION_TAKES
  // refused: tidings: the function that gives the key of an event takes it as const Event&
  // names: Order
  TRAITS{.key = &Order::by_value};
#endif
#ifdef KEY_IS_A_NAME
  // refused: tidings: the key of an event is spelled .key = &Event::member
  // names: Order
  TRAITS{.key = "id"};
#endif
#ifdef UPCAST_NOT_STATIC
  // refused: tidings: the upcast of an event must be static
  // names: Order
  [[nodiscard]] Order upcast(const Other&) const { return {}; }
#endif
#ifdef UPCAST_OVERLOADED
  // refused: tidings: the upcast of an event is one public static function
  // names: Order
  static Order upcast(const Other&) { return {}; }
  static Order upcast(const Fine&) { return {}; }
#endif
#ifdef UPCAST_PRIVATE
  // refused: tidings: the upcast of an event is one public static function
  // names: Order
 private:
  static Order upcast(const Other&) { return {}; }

 public:
#endif
#ifdef UPCAST_TAKES
  // refused: tidings: the upcast of an event takes the version before, as const Older&, and nothing else
  // names: Order
  static Order upcast(const Other&, int) { return {}; }
#endif
#ifdef UPCAST_TAKES_REFERENCE
  // refused: tidings: the upcast of an event takes the version before, as const Older&, and nothing else
  // names: Order
  static Order upcast(Other&) { return {}; }
#endif
#ifdef UPCAST_RETURNS
  // refused: tidings: the upcast of an event returns that event, or a tidings::Result of it
  // names: Order
  TRAITS{.name = "shop.Other", .version = 2};
  static Other upcast(const Other& old) { return old; }
#endif
#ifdef UPCAST_SAME_VERSION
  // refused: tidings: the upcast of an event takes an older one: give that type's traits a lower version
  // names: Order
  TRAITS{.name = "shop.Other"};
  static Order upcast(const Other&) { return {}; }
#endif
#ifdef UPCAST_OTHER_NAME
  // refused: tidings: the upcast of an event takes an older version of it: give that type's traits the same name
  // names: Order
  TRAITS{.version = 2};
  static Order upcast(const Other&) { return {}; }
#endif
};

namespace {
struct Hidden {
  std::string id;
};
}  // namespace
template <class T>
struct Generic {
  T id{};
};

// The longest name of a type that brokers take has 200 bytes.
namespace a_namespace_of_a_length_that_nobody_would_ever_type_but_a_generator_may_well_produce_on_a_bad_day {
struct AStructWithANameOfALengthThatNobodyWouldEverTypeButAGeneratorMayWellProduceOnABadDayLikeTheOneBeforeThisOneHere {
};
}  // namespace a_namespace_of_a_length_that_nobody_would_ever_type_but_a_generator_may_well_produce_on_a_bad_day

}  // namespace shop

#ifdef ABROAD_WITHOUT_EVENT
// refused: tidings: a specialisation of tidings::event_traits has a public member 'static constexpr tidings::traits<T>
// names: Other
template <>
struct tidings::event_traits<shop::Other> {
  static constexpr tidings::traits<shop::Other> traits{.topic = "others"};
};
#endif
#ifdef ABROAD_OF_ANOTHER
// refused: tidings: the traits of an event are a tidings::traits of its own class, and these are of another
// names: Other
template <>
struct tidings::event_traits<shop::Other> {
  static constexpr tidings::traits<shop::Order> event{.topic = "others"};
};
#endif
#ifdef TWICE
// refused: tidings: an event has its traits in its class or in event_traits, not in both
// names: Fine
template <>
struct tidings::event_traits<shop::Fine> {
  static constexpr tidings::traits<shop::Fine> event{.topic = "others"};
};
#endif

template <class... Events>
bool use(const tidings::EnvelopeView& envelope) {
  return ((tidings::make_envelope(Events{}) && tidings::decode_event<Events>(envelope) && tidings::has_key<Events>) ||
          ...);
}

bool use_all(const tidings::EnvelopeView& envelope) {
#ifdef LOCAL
  // refused: tidings: a local, template or anonymous event type must name itself
  // names: Local
  struct Local {
    std::string id;
  };
  return use<Local>(envelope);
#endif
#ifdef LOCAL_OF_A_TEMPLATE
  // refused: tidings: a local, template or anonymous event type must name itself
  // names: Local
  return [&](auto id) {
    struct Local {
      decltype(id) number;
    };
    return use<Local>(envelope);
  }(1);
#endif
#ifdef TEMPLATE
  // refused: tidings: a local, template or anonymous event type must name itself
  // names: Generic
  return use<shop::Generic<int>>(envelope);
#endif
#ifdef ANONYMOUS
  // refused: tidings: a local, template or anonymous event type must name itself
  // names: Hidden
  return use<shop::Hidden>(envelope);
#endif
#ifdef LONG_TYPE_NAME
  // refused: tidings: the qualified name of this event type is longer than brokers take; name it in its traits
  // names: OnABadDay
  namespace long_one =
      shop::a_namespace_of_a_length_that_nobody_would_ever_type_but_a_generator_may_well_produce_on_a_bad_day;
  return use<
      long_one::
          AStructWithANameOfALengthThatNobodyWouldEverTypeButAGeneratorMayWellProduceOnABadDayLikeTheOneBeforeThisOneHere>(
      envelope);
#endif
#ifdef NO_EVENT_NUMBER
  // refused: tidings: an event is a struct of its own, and no number, enum, union or array
  // names: int
  return tidings::make_envelope(3).has_value();
#endif
#ifdef NO_EVENT_TEXT
  // refused: tidings: an event is a struct of its own, and no text
  return tidings::make_envelope("placed").has_value();
#endif
#ifdef NO_EVENT_STRING
  // refused: tidings: an event is a struct of its own, and no text
  return tidings::make_envelope(std::string("placed")).has_value();
#endif
#ifdef NO_EVENT_POINTER
  // refused: tidings: an event is handed over by value or reference, and not by pointer
  // names: Fine
  const shop::Fine fine;
  return tidings::make_envelope(&fine).has_value();
#endif
#ifdef NO_EVENT_READ
  // refused: tidings: an event is a struct of its own, and no number, enum, union or array
  // names: int
  return tidings::decode_event<int>(envelope).has_value();
#endif
  return use<shop::Order, shop::Other, shop::Fine, shop::FineData>(envelope);
}
