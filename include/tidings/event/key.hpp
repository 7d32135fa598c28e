#pragma once

#include <concepts>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>

#include "tidings/event/event_data.hpp"
#include "tidings/event/reflect.hpp"
#include "tidings/event/strong_type.hpp"

namespace tidings {

/// Said in place of a key: the order of these events does not matter.
struct Unordered {};
inline constexpr Unordered unordered{};

/// A key that is a strong type: `.key = tidings::key<&OrderPlaced::order_id>`. Takes any member, and any static
/// function, whose value is a text, an integer, or a strong type or class with event data of one.
template <auto Of>
struct Key {};
template <auto Of>
inline constexpr Key<Of> key{};

namespace detail {

/// The types of keys that `.key = &Event::member` takes as they are.
template <class M>
consteval bool plain_key() {
  if constexpr (std::is_integral_v<M>)
    return sizeof(M) <= 8 && !std::is_same_v<M, bool> && !std::is_same_v<M, wchar_t> && !std::is_same_v<M, char8_t> &&
           !std::is_same_v<M, char16_t> && !std::is_same_v<M, char32_t>;
  else
    return std::is_same_v<M, std::string> || std::is_same_v<M, std::string_view>;
}
template <class M>
inline constexpr bool is_plain_key = plain_key<M>();

template <class M>
consteval bool is_key_value() {
  if constexpr (is_plain_key<M>)
    return true;
  else if constexpr (HasEventData<M>) {
    if constexpr (data_is_right<M>())
      return is_key_value<DataOf<M>>();
    else
      return false;
  } else if constexpr (is_strong<M>) {
    if constexpr (strong_is_right<M>())
      return is_key_value<StrongValue<M>>();
    else
      return false;
  } else
    return false;
}

template <class M>
std::string key_text(const M& value) {
  if constexpr (std::is_integral_v<M>)
    return std::to_string(value);
  else if constexpr (HasEventData<M>)
    return key_text(as_data(value));
  else if constexpr (is_strong<M>)
    return key_text(strong_value(value));
  else
    return std::string(value);
}

/// What a key may be read from. A pointer to member has the type of the member in its own, and a constant holds no
/// other pointer to one: hence a place for each type.
template <class T>
union KeySource {
  char none;
  std::string T::* text;
  std::string_view T::* view;
  char T::* c;
  signed char T::* i8;
  unsigned char T::* u8;
  short T::* i16;
  unsigned short T::* u16;
  int T::* i32;
  unsigned T::* u32;
  long T::* i64;
  unsigned long T::* u64;
  long long T::* i64l;
  unsigned long long T::* u64l;
  std::string (*text_of)(const T&);
  std::string_view (*view_of)(const T&);
  char (*c_of)(const T&);
  signed char (*i8_of)(const T&);
  unsigned char (*u8_of)(const T&);
  short (*i16_of)(const T&);
  unsigned short (*u16_of)(const T&);
  int (*i32_of)(const T&);
  unsigned (*u32_of)(const T&);
  long (*i64_of)(const T&);
  unsigned long (*u64_of)(const T&);
  long long (*i64l_of)(const T&);
  unsigned long long (*u64l_of)(const T&);

  // clang-format off
  constexpr KeySource() : none() {}
  constexpr KeySource(decltype(text) source) : text(source) {}
  constexpr KeySource(decltype(view) source) : view(source) {}
  constexpr KeySource(decltype(c) source) : c(source) {}
  constexpr KeySource(decltype(i8) source) : i8(source) {}
  constexpr KeySource(decltype(u8) source) : u8(source) {}
  constexpr KeySource(decltype(i16) source) : i16(source) {}
  constexpr KeySource(decltype(u16) source) : u16(source) {}
  constexpr KeySource(decltype(i32) source) : i32(source) {}
  constexpr KeySource(decltype(u32) source) : u32(source) {}
  constexpr KeySource(decltype(i64) source) : i64(source) {}
  constexpr KeySource(decltype(u64) source) : u64(source) {}
  constexpr KeySource(decltype(i64l) source) : i64l(source) {}
  constexpr KeySource(decltype(u64l) source) : u64l(source) {}
  constexpr KeySource(decltype(text_of) source) : text_of(source) {}
  constexpr KeySource(decltype(view_of) source) : view_of(source) {}
  constexpr KeySource(decltype(c_of) source) : c_of(source) {}
  constexpr KeySource(decltype(i8_of) source) : i8_of(source) {}
  constexpr KeySource(decltype(u8_of) source) : u8_of(source) {}
  constexpr KeySource(decltype(i16_of) source) : i16_of(source) {}
  constexpr KeySource(decltype(u16_of) source) : u16_of(source) {}
  constexpr KeySource(decltype(i32_of) source) : i32_of(source) {}
  constexpr KeySource(decltype(u32_of) source) : u32_of(source) {}
  constexpr KeySource(decltype(i64_of) source) : i64_of(source) {}
  constexpr KeySource(decltype(u64_of) source) : u64_of(source) {}
  constexpr KeySource(decltype(i64l_of) source) : i64l_of(source) {}
  constexpr KeySource(decltype(u64l_of) source) : u64l_of(source) {}
  template <class Source>
  [[nodiscard]] constexpr Source get() const {
    if constexpr (std::is_same_v<Source, decltype(text)>) return text;
    else if constexpr (std::is_same_v<Source, decltype(view)>) return view;
    else if constexpr (std::is_same_v<Source, decltype(c)>) return c;
    else if constexpr (std::is_same_v<Source, decltype(i8)>) return i8;
    else if constexpr (std::is_same_v<Source, decltype(u8)>) return u8;
    else if constexpr (std::is_same_v<Source, decltype(i16)>) return i16;
    else if constexpr (std::is_same_v<Source, decltype(u16)>) return u16;
    else if constexpr (std::is_same_v<Source, decltype(i32)>) return i32;
    else if constexpr (std::is_same_v<Source, decltype(u32)>) return u32;
    else if constexpr (std::is_same_v<Source, decltype(i64)>) return i64;
    else if constexpr (std::is_same_v<Source, decltype(u64)>) return u64;
    else if constexpr (std::is_same_v<Source, decltype(i64l)>) return i64l;
    else if constexpr (std::is_same_v<Source, decltype(u64l)>) return u64l;
    else if constexpr (std::is_same_v<Source, decltype(text_of)>) return text_of;
    else if constexpr (std::is_same_v<Source, decltype(view_of)>) return view_of;
    else if constexpr (std::is_same_v<Source, decltype(c_of)>) return c_of;
    else if constexpr (std::is_same_v<Source, decltype(i8_of)>) return i8_of;
    else if constexpr (std::is_same_v<Source, decltype(u8_of)>) return u8_of;
    else if constexpr (std::is_same_v<Source, decltype(i16_of)>) return i16_of;
    else if constexpr (std::is_same_v<Source, decltype(u16_of)>) return u16_of;
    else if constexpr (std::is_same_v<Source, decltype(i32_of)>) return i32_of;
    else if constexpr (std::is_same_v<Source, decltype(u32_of)>) return u32_of;
    else if constexpr (std::is_same_v<Source, decltype(i64_of)>) return i64_of;
    else if constexpr (std::is_same_v<Source, decltype(u64_of)>) return u64_of;
    else if constexpr (std::is_same_v<Source, decltype(i64l_of)>) return i64l_of;
    else return u64l_of;
  }
  // clang-format on
};

/// The key of an event of type T: a text or integer member, a static function, or `unordered`.
template <class T>
class KeyOf {
 public:
  constexpr KeyOf() = default;
  constexpr KeyOf(Unordered) : is_unordered_(true) {}  // NOLINT: spelled `.key = tidings::unordered`

  template <class C, class M>
  constexpr KeyOf(M C::* member) {  // NOLINT: spelled `.key = &Event::member`
    constexpr bool own = std::is_same_v<C, T>;
    constexpr bool is_method = std::is_function_v<M>;
    static_assert(own, "tidings: the key of an event is a member of that very class, and this is one of another");
    static_assert(!own || !is_method, "tidings: the function that gives the key of an event must be static");
    static_assert(!own || is_method || is_plain_key<M>,
                  "tidings: the key of an event is a text or an integer member; a strong type is given by .key = "
                  "tidings::key<&Event::member>, anything else by a static function that returns a text or an integer");
    if constexpr (own && is_plain_key<M>) take(member);
  }
  template <class M, class Argument>
  constexpr KeyOf(M (*function)(Argument)) {  // NOLINT: spelled `.key = &Event::function`
    constexpr bool takes_event = std::is_same_v<Argument, const T&>;
    static_assert(takes_event, "tidings: the function that gives the key of an event takes it as const Event&");
    static_assert(!takes_event || is_plain_key<M>,
                  "tidings: the function that gives the key of an event returns a text or an integer");
    if constexpr (takes_event && is_plain_key<M>) take(function);
  }
  template <auto Of>
  constexpr KeyOf(Key<Of>)
      : read_(&read_by<Of>),
        given_by_(text_of_value<Of>()),
        has_key_(true) {}  // NOLINT: spelled `.key = tidings::key<&Event::member>`

  template <class Other>
    requires(!std::is_member_pointer_v<Other> && !std::is_function_v<std::remove_pointer_t<Other>> &&
             !std::is_same_v<Other, KeyOf> && !std::is_same_v<Other, Unordered>)
  constexpr KeyOf(Other) {  // NOLINT: for the sentence
    static_assert(std::is_same_v<Other, KeyOf>,
                  "tidings: the key of an event is spelled .key = &Event::member, a static function, "
                  "tidings::key<&Event::member> or tidings::unordered");
  }

  [[nodiscard]] constexpr bool has_key() const { return has_key_; }
  [[nodiscard]] constexpr bool is_unordered() const { return is_unordered_; }
  /// Whether the key is that member.
  template <auto Member>
  [[nodiscard]] constexpr bool reads() const {
    if (!given_by_.empty() && source_type_.empty()) return given_by_ == text_of_value<Member>();
    if constexpr (std::is_member_object_pointer_v<decltype(Member)>)
      if constexpr (std::is_constructible_v<KeySource<T>, decltype(Member)>)
        if (source_type_ == text_of_type<decltype(Member)>()) return source_.template get<decltype(Member)>() == Member;
    return false;
  }
  [[nodiscard]] std::string of(const T& event) const { return has_key_ ? read_(*this, event) : std::string(); }

 private:
  template <class Source>
  constexpr void take(Source source) {
    source_ = KeySource<T>(source);
    source_type_ = text_of_type<Source>();
    read_ = &read_from<Source>;
    has_key_ = true;
  }
  template <class Source>
  static std::string read_from(const KeyOf& self, const T& event) {
    return key_text(std::invoke(self.source_.template get<Source>(), event));
  }
  template <auto Of>
  static std::string read_by(const KeyOf&, const T& event) {
    constexpr bool right = std::is_invocable_v<decltype(Of), const T&>;
    static_assert(right, "tidings: tidings::key names a member or a static function of the event's own class");
    if constexpr (right) {
      using Value = std::remove_cvref_t<std::invoke_result_t<decltype(Of), const T&>>;
      static_assert(is_key_value<Value>(),
                    "tidings: the key of an event is a text or an integer, or a strong type of one");
      if constexpr (is_key_value<Value>()) return key_text(std::invoke(Of, event));
    }
    return {};
  }

  KeySource<T> source_{};
  std::string_view source_type_;  // of `source_`, as the compiler spells it
  std::string (*read_)(const KeyOf& self, const T& event) = nullptr;
  std::string_view given_by_;  // what `tidings::key` names, likewise
  bool has_key_ = false;       // beside `read_`, which compares with nothing under the sanitizers
  bool is_unordered_ = false;
};

}  // namespace detail
}  // namespace tidings
