#pragma once

#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "tidings/event/key.hpp"
#include "tidings/event/reflect.hpp"

namespace tidings {

/// Members that logs, the dashboard and the CLI show as `***`: `.redacted = tidings::redact<&Customer::address,
/// &Customer::mail>` in the traits of an event, `static constexpr auto redacted = tidings::redact<…>` in a class that
/// events have as a member.
template <auto... Members>
struct Redact {};
template <auto... Members>
inline constexpr Redact<Members...> redact{};

namespace detail {

template <class T>
inline constexpr bool is_redact = false;
template <auto... Members>
inline constexpr bool is_redact<Redact<Members...>> = true;

template <class Member>
struct MemberOf {
  using Class = void;
};
template <class C, class M>
struct MemberOf<M C::*> {
  using Class = C;
};
template <class T, auto Member>
inline constexpr bool is_own_member =
    std::is_member_object_pointer_v<decltype(Member)> && std::is_same_v<typename MemberOf<decltype(Member)>::Class, T>;

/// What the member is called.
template <class T, auto Member>
consteval std::string_view name_of_member() {
  constexpr const auto* wanted = &(lazy<T>.value.*Member);
  return std::apply(
      [](auto... members) {
        std::string_view name;
        std::size_t index = 0;
        const auto look = [&](const auto* member) {
          if constexpr (std::is_same_v<decltype(member), std::remove_cv_t<decltype(wanted)>>)
            if (member == wanted) name = member_names<T>[index];
          ++index;
        };
        (look(members), ...);
        return name;
      },
      member_pointers<T>);
}

template <class T, auto... Members>
std::vector<std::string_view> names_of_members() {
  constexpr bool own = (is_own_member<T, Members> && ...);
  static_assert(own,
                "tidings: what is redacted of a class are data members of that very class: "
                "tidings::redact<&Customer::address>");
  if constexpr (own) {
    static_assert((!name_of_member<T, Members>().empty() && ...), "every data member has a name");
    return {name_of_member<T, Members>()...};
  } else {
    return {};
  }
}

/// What of an event of type T is redacted.
template <class T>
class RedactedOf {
 public:
  constexpr RedactedOf() = default;
  template <auto... Members>
  constexpr RedactedOf(Redact<Members...>)  // NOLINT: spelled `.redacted = tidings::redact<&Event::member>`
      : names_(&names_of_members<T, Members...>),
        has_key_of_(&has_any_key_of<Members...>),
        has_any_(sizeof...(Members) > 0) {}
  template <class... Others>
    requires(sizeof...(Others) > 0 && (!is_redact<Others> && ...) && (!std::is_same_v<Others, RedactedOf> && ...))
  constexpr RedactedOf(Others...) {  // NOLINT: for the sentence
    static_assert(sizeof...(Others) == 0,
                  "tidings: what is redacted of an event is spelled .redacted = tidings::redact<&Event::member, …>");
  }

  [[nodiscard]] constexpr bool has_any() const { return has_any_; }
  [[nodiscard]] std::vector<std::string_view> names() const {
    return has_any_ ? names_() : std::vector<std::string_view>();
  }
  /// Whether the key is one of them.
  [[nodiscard]] constexpr bool has_key_of(const KeyOf<T>& key) const { return has_any_ && has_key_of_(key); }

 private:
  template <auto... Members>
  static constexpr bool has_any_key_of(const KeyOf<T>& key) {
    return (key.template reads<Members>() || ...);
  }

  std::vector<std::string_view> (*names_)() = nullptr;
  bool (*has_key_of_)(const KeyOf<T>& key) = nullptr;
  bool has_any_ = false;
};

}  // namespace detail
}  // namespace tidings
