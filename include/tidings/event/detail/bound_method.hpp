#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "tidings/event/detail/handler_shape.hpp"
#include "tidings/event/reflect.hpp"

/// A member function and its object as one handler, for the bus and for services.
namespace tidings::detail {

template <class Method, class Object, class Arguments = typename Call<Method>::Arguments>
struct BoundMethod;
template <class Method, class Object, class... Args>
struct BoundMethod<Method, Object, std::tuple<Args...>> {
  Method method;
  Object* object;
  typename Call<Method>::Returned operator()(Args... args) const {
    return (object->*method)(std::forward<Args>(args)...);
  }
};

template <class Method, class Object>
auto bind(Method method, Object* object) {
  return BoundMethod<Method, Object>{method, object};
}

/// What a subscription is called where nobody names it: the handler's C++ type, which of a member function says the
/// class, and not which of its functions.
template <class F>
inline constexpr std::string_view handler_name = type_name<F>;
template <class Method, class Object, class Arguments>
inline constexpr std::string_view handler_name<BoundMethod<Method, Object, Arguments>> = type_name<Method>;

template <class>
struct ClassOf;
template <class Function, class C>
struct ClassOf<Function C::*> {
  using type = C;
};

template <class Method, class Object, class Arguments = typename Call<Method>::Arguments>
inline constexpr bool calls_on = false;
template <class Method, class Object, class... Args>
inline constexpr bool calls_on<Method, Object, std::tuple<Args...>> = std::is_invocable_v<Method, Object*, Args...>;

/// Whether `Method` can be called on what `Given` points to; if not, why.
template <class Method, class Given>
consteval bool binds() {
  using Object = std::remove_pointer_t<std::decay_t<Given>>;
  using Class = typename ClassOf<Method>::type;
  constexpr bool pointer = std::is_pointer_v<std::decay_t<Given>>;
  static_assert(
      pointer,
      "tidings: a member function takes a pointer to its object, which outlives the handler: &object, or get() "
      "of a smart pointer");
  if constexpr (pointer) {
    constexpr bool takes = HasOneCall<Method>;
    static_assert(takes, "tidings: this member function is qualified by & or &&; its object is an lvalue anyway");
    if constexpr (takes) {
      constexpr bool related = std::is_base_of_v<Class, std::remove_cv_t<Object>>;
      static_assert(related, "tidings: this object is not of the member function's class, nor of one derived from it");
      constexpr bool calls = related && calls_on<Method, Object>;
      static_assert(calls || !related,
                    "tidings: this member function cannot be called on its object: the object is const, and it is not, "
                    "or its class is a base that is not public");
      return calls;
    }
  }
  return false;
}

}  // namespace tidings::detail
