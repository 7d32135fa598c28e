// Members that no event has, each with one sentence that says why; cmake/Refusals.cmake compiles each case.
#include <any>
#include <deque>
#include <memory>

#include "tidings/event/json_codec.hpp"

namespace shop {

struct Fine {
  std::string id;
  std::variant<std::monostate, std::string> choice;
};

class Account {
 public:
  explicit Account(int number) : number_(number) {}
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};
enum class Nameless {};
struct Base {
  int in_base = 0;
};

struct Order {
  std::string id;
#ifdef POINTER
  // refused: tidings: an event owns what it tells, so no member is a pointer
  // names: Order detail NoJson<int
  int* detail = nullptr;
#endif
#ifdef C_TEXT
  // refused: tidings: an event owns what it tells, so no member is a pointer
  // names: Order detail char
  const char* detail = "";
#endif
#ifdef POINTER_INSIDE
  // refused: tidings: an event owns what it tells, so no member is a pointer
  // names: Order detail NoJson<int
  std::map<std::string, std::vector<int*>> detail;
#endif
#ifdef REFERENCE
  // refused: tidings: every member of an event struct needs a default value; this struct has a reference
  // names: Order
  int& detail;
#endif
#ifdef NO_DEFAULT
  // refused: tidings: every member of an event struct needs a default value
  // names: Order
  Account detail;
#endif
#ifdef C_ARRAY
  // refused: tidings: an event struct has no C arrays; use std::array or std::vector
  // names: Order
  int detail[3] = {};
#endif
#ifdef C_ARRAY_OF_ONE
  // refused: tidings: an event struct has no C arrays; use std::array or std::vector
  // names: Order detail
  int detail[1] = {};
#endif
#ifdef LONG_C_ARRAY
  // refused: tidings: an event struct has no C arrays; use std::array or std::vector
  // names: Order
  char detail[4096] = {};
#endif
#ifdef C_ARRAY_BESIDE_NO_DEFAULT
  // refused: tidings: an event struct has no C arrays; use std::array or std::vector
  // names: Order
  Account account = Account(1);
  std::string detail[2];
#endif
#ifdef BIT_FIELD
  // refused: tidings: an event struct has no bit-fields
  // names: Order
  unsigned detail : 3 = 0;
#endif
#ifdef ANONYMOUS_UNION
  // refused: tidings: an event struct has no unions; use std::variant
  // names: Order
  union {
    int one = 0;
    float other;
  };
#endif
#ifdef UNION
  // refused: tidings: an event struct has no unions; use std::variant
  // names: Order
  union Either {
    int one;
    float other;
  };
  Either detail{};
#endif
#ifdef CLASS
  // refused: tidings: this type has no JSON form
  // names: Order detail Account
  std::optional<Account> detail;
#endif
#ifdef ANY
  // refused: tidings: this type has no JSON form
  // names: Order detail any
  std::any detail;
#endif
#ifdef OTHER_CONTAINER
  // refused: tidings: this type has no JSON form
  // names: Order detail deque
  std::deque<int> detail;
#endif
#ifdef SMART_POINTER
  // refused: tidings: this type has no JSON form
  // names: Order detail unique_ptr
  std::unique_ptr<int> detail;
#endif
#ifdef OTHER_CLOCK
  // refused: tidings: this type has no JSON form
  // names: Order detail steady_clock
  std::chrono::steady_clock::time_point detail{};
#endif
#ifdef CHARACTER
  // refused: tidings: a character is neither text nor number
  // names: Order detail char
  char detail = 0;
#endif
#ifdef WIDE_CHARACTER
  // refused: tidings: a character is neither text nor number
  // names: Order detail char16_t
  char16_t detail = 0;
#endif
#ifdef WIDE_TEXT
  // refused: tidings: this type has no JSON form
  // names: Order detail wchar_t
  std::wstring detail;
#endif
#ifdef LONG_DOUBLE
  // refused: tidings: JSON numbers are doubles, so a long double would lose digits
  // names: Order detail double
  long double detail = 0;
#endif
#ifdef TEXT_VIEW
  // refused: tidings: an event owns what it tells, so no member is a string_view
  // names: Order detail
  std::string_view detail;
#endif
#ifdef CONST
  // refused: tidings: no member of an event struct is const
  // names: Order detail
  const int detail = 1;
#endif
#ifdef NAMELESS_ENUM
  // refused: tidings: this enum has no enumerator from -16 to 127
  // names: Order detail Nameless
  Nameless detail{};
#endif
#ifdef LONE_BYTE
  // refused: tidings: this enum has no enumerator from -16 to 127
  // names: Order detail std::byte
  std::byte detail{};
#endif
#ifdef OPTIONAL_OPTIONAL
  // refused: tidings: what this optional holds may be null itself, and one null cannot mean both
  // names: Order detail
  std::optional<std::optional<int>> detail;
#endif
#ifdef OPTIONAL_MONOSTATE
  // refused: tidings: what this optional holds may be null itself, and one null cannot mean both
  // names: Order detail monostate
  std::optional<std::monostate> detail;
#endif
#ifdef OPTIONAL_STRONG_OPTIONAL
  // refused: tidings: what this optional holds may be null itself, and one null cannot mean both
  // names: Order detail Strong
  std::vector<std::optional<tidings::Strong<struct Tag, std::optional<int>>>> detail;
#endif
#ifdef OPTIONAL_DATA_OPTIONAL
  // refused: tidings: what this optional holds may be null itself, and one null cannot mean both
  // names: Order detail Maybe
  struct Maybe {
    [[nodiscard]] std::optional<int> to_event_data() const { return {}; }
    static Maybe from_event_data(std::optional<int>) { return {}; }
  };
  std::optional<Maybe> detail;
#endif
#ifdef MAP_KEY
  // refused: tidings: the key of a map in an event is a text, an integer, an enum or a strong type of one
  // names: Order detail double
  std::map<double, int> detail;
#endif
#ifdef POINTER_AS_MAP_KEY
  // refused: tidings: the key of a map in an event is a text, an integer, an enum or a strong type of one
  // names: Order detail
  std::map<const char*, int> detail;
#endif
#ifdef SAME_ALTERNATIVES
  // refused: tidings: two alternatives of this variant have one name in JSON
  // names: variant<int,
  std::variant<int, long> detail;
#endif
#ifdef OPTIONAL_ALTERNATIVE
  // refused: tidings: the alternatives of a variant are not optional and not variants; use std::monostate
  // names: variant
  std::variant<int, std::optional<std::string>> detail;
#endif
#ifdef ALTERNATIVE
  // refused: tidings: an event owns what it tells, so no member is a pointer
  // names: Order detail
  std::variant<int, std::string*> detail;
#endif
#ifdef WIDE_STRONG_TYPE
  // refused: tidings: a strong type is a plain struct of exactly one member
  // names: Wide
  struct Wide {
    int one = 0;
    int two = 0;
    static constexpr tidings::strong_type strong{};
  };
  Wide detail;
#endif
#ifdef STRONG_TYPE_OF_POINTER
  // refused: tidings: an event owns what it tells, so no member is a pointer
  // names: NoJson<int
  tidings::Strong<struct Tag, int*> detail;
#endif
#ifdef DATA_WITHOUT_FROM
  // refused: tidings: a class with to_event_data() also needs its other half
  // names: Half
  struct Half {
    [[nodiscard]] int to_event_data() const { return 1; }
  };
  Half detail;
#endif
#ifdef DATA_WITHOUT_TO
  // refused: tidings: a class with from_event_data also needs its other half
  // names: Half
  struct Half {
    static Half from_event_data(int) { return {}; }
  };
  Half detail;
#endif
#ifdef DATA_OF_ANOTHER_TYPE
  // refused: tidings: a class with to_event_data() also needs its other half
  // names: Half
  struct Half {
    [[nodiscard]] int to_event_data() const { return 1; }
    static Half from_event_data(const std::string&) { return {}; }
  };
  Half detail;
#endif
#ifdef DATA_RETURNS
  // refused: tidings: from_event_data returns the class, or a tidings::Result of it
  // names: Half
  struct Half {
    [[nodiscard]] int to_event_data() const { return 1; }
    static bool from_event_data(int) { return true; }
  };
  Half detail;
#endif
#ifdef DATA_IS_ITSELF
  // refused: tidings: to_event_data() returns the data of the class as another type, which has JSON
  // names: Half
  struct Half {
    [[nodiscard]] Half to_event_data() const { return {}; }
    static Half from_event_data(Half half) { return half; }
  };
  Half detail;
#endif
#ifdef DATA_WITHOUT_JSON
  // refused: tidings: an event owns what it tells, so no member is a pointer
  // names: char
  struct Half {
    [[nodiscard]] const char* to_event_data() const { return ""; }
    static Half from_event_data(const char*) { return {}; }
  };
  Half detail;
#endif
};

#ifdef BASE
// refused: tidings: an event struct has no base class
// names: Derived
struct Derived : Base {
  int own = 0;
};
using Written = Derived;
#elif !defined(CLASS_AS_EVENT) && !defined(WITH_CONSTRUCTOR) && !defined(WITH_VIRTUAL) && !defined(MEMBERS_65) && \
    !defined(REFERENCE_FIRST)
using Written = Order;
#endif
#ifdef REFERENCE_FIRST
// refused: tidings: the first member of this event struct cannot be counted; no member is a reference
// names: Refers
inline int referred = 0;
struct Refers {
  int& detail = referred;
  int own = 0;
};
using Written = Refers;
#endif
#ifdef CLASS_AS_EVENT
// refused: tidings: this type has no JSON form, since it has a constructor of its own, private members
// names: Account
using Written = Account;
#endif
#ifdef WITH_CONSTRUCTOR
// refused: tidings: this type has no JSON form, since it has a constructor of its own
// names: Made
struct Made {
  Made() {}
  int number = 0;
};
using Written = Made;
#endif
#ifdef WITH_VIRTUAL
// refused: tidings: this type has no JSON form, since it has virtual functions
// names: Virtual
struct Virtual {
  virtual ~Virtual() = default;
  int number = 0;
};
using Written = Virtual;
#endif
#ifdef MEMBERS_65
// refused: tidings: an event struct has at most 64 members; put some in a struct of their own
// names: Wide
struct Wide {
  int m0{}, m1{}, m2{}, m3{}, m4{}, m5{}, m6{}, m7{}, m8{}, m9{}, m10{}, m11{}, m12{}, m13{}, m14{}, m15{}, m16{};
  int m17{}, m18{}, m19{}, m20{}, m21{}, m22{}, m23{}, m24{}, m25{}, m26{}, m27{}, m28{}, m29{}, m30{}, m31{}, m32{};
  int m33{}, m34{}, m35{}, m36{}, m37{}, m38{}, m39{}, m40{}, m41{}, m42{}, m43{}, m44{}, m45{}, m46{}, m47{}, m48{};
  int m49{}, m50{}, m51{}, m52{}, m53{}, m54{}, m55{}, m56{}, m57{}, m58{}, m59{}, m60{}, m61{}, m62{}, m63{}, m64{};
};
using Written = Wide;
#endif

}  // namespace shop

bool write(std::string& out, const shop::Written& event) {
  return tidings::JsonCodec::encode(event, out) && tidings::JsonCodec::encode(shop::Fine{}, out);
}
bool read(std::string_view text) {
  return tidings::JsonCodec::decode<shop::Written>(text) && tidings::JsonCodec::decode<shop::Fine>(text);
}
