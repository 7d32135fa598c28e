#include "tidings/event/reflect.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tidings/event/enumerators.hpp"
#include "tidings/event/json_codec.hpp"

namespace shop {

struct Empty {};
struct Tree {
  std::vector<Tree> children;
};
struct Money {
  explicit Money(int of) : minor(of) {}
  int minor;
};
struct EveryShape {
  std::string text;
  std::vector<int> list;
  std::optional<std::string> maybe;
  std::variant<std::monostate, std::string, int> choice;
  std::map<std::string, int> by_name;
  Empty empty;
  Tree tree;
  std::array<int, 3> three{};
  std::chrono::nanoseconds wait{};
  std::vector<bool> flags;
  std::array<Empty, 2> empties{};
  static constexpr int not_a_member = 1;
};
struct WithoutDefault {
  int before = 0;
  Money price = Money(5);
  int after = 0;
};
struct Full {
  int m0{}, m1{}, m2{}, m3{}, m4{}, m5{}, m6{}, m7{}, m8{}, m9{}, m10{}, m11{}, m12{}, m13{}, m14{}, m15{}, m16{};
  int m17{}, m18{}, m19{}, m20{}, m21{}, m22{}, m23{}, m24{}, m25{}, m26{}, m27{}, m28{}, m29{}, m30{}, m31{}, m32{};
  int m33{}, m34{}, m35{}, m36{}, m37{}, m38{}, m39{}, m40{}, m41{}, m42{}, m43{}, m44{}, m45{}, m46{}, m47{}, m48{};
  int m49{}, m50{}, m51{}, m52{}, m53{}, m54{}, m55{}, m56{}, m57{}, m58{}, m59{}, m60{}, m61{}, m62{};
  std::string m63;
};

enum class Status { placed, shipped };
enum Old { red, green, blue = 2 };
enum Signed { minus = -3, zero };
enum class Small : unsigned char { last = 127, beyond = 200 };
enum class Ümlaut { größer };
namespace {
enum class Hidden { here };
}  // namespace

}  // namespace shop

namespace tidings {
namespace {

static_assert(member_count<shop::Empty> == 0 && member_count<shop::Tree> == 1 && member_count<shop::EveryShape> == 11 &&
              member_count<shop::WithoutDefault> == 3 && member_count<shop::Full> == 64);
static_assert(std::is_same_v<member_type<shop::EveryShape, 2>, std::optional<std::string>>);
static_assert(type_name<shop::EveryShape> == "shop::EveryShape");

TEST(Reflect, NamesMembers) {
  std::string all;
  for (const auto name : member_names<shop::EveryShape>) all += std::string(name) + " ";
  EXPECT_EQ(all, "text list maybe choice by_name empty tree three wait flags empties ");
  EXPECT_EQ(member_names<shop::Full>[0], "m0");
  EXPECT_EQ(member_names<shop::Full>[63], "m63");
}

template <auto Value>
struct Holds {
  int first = 1;
  int second = 2;
};

TEST(Reflect, NamesMembersHoweverTheirStructIsSpelled) {
  struct Local {
    int first = 1;
    int second = 2;
  };
  constexpr std::array<std::string_view, 2> wanted{"first", "second"};
  EXPECT_EQ(member_names<Local>, wanted);  // of a function: `TestBody()::Local`
  EXPECT_EQ(member_names<Holds<1>>, wanted);
  EXPECT_EQ((member_names<Holds<')'>>), wanted);
  EXPECT_EQ((member_names<Holds<']'>>), wanted);
  EXPECT_EQ((member_names<Holds<[] {}>>), wanted);
}

TEST(Reflect, BindsMembersInOrder) {
  shop::Full full;
  with_members(full, [](auto&... members) {
    int next = 0;
    const auto set = [&](auto& member) {
      if constexpr (std::is_same_v<decltype(member), int&>)
        member = next++;
      else
        member = "last";
    };
    (set(members), ...);
  });
  EXPECT_EQ(full.m0, 0);
  EXPECT_EQ(full.m62, 62);
  EXPECT_EQ(full.m63, "last");
  std::string json;
  ASSERT_TRUE(JsonCodec::encode(full, json));
  const auto back = JsonCodec::decode<shop::Full>(json).or_throw();
  EXPECT_EQ(back.m31, 31);
  EXPECT_EQ(back.m62, 62);
  EXPECT_EQ(back.m63, "last");
}

TEST(Reflect, NamesEnumerators) {
  const auto names = []<class Enum>(std::type_identity<Enum>) {
    std::string all;
    for (const auto& one : enumerators<Enum>)
      all += std::string(one.name) + "=" + std::to_string(static_cast<int>(one.value)) + " ";
    return all;
  };
  EXPECT_EQ(names(std::type_identity<shop::Status>{}), "placed=0 shipped=1 ");
  EXPECT_EQ(names(std::type_identity<shop::Old>{}), "red=0 green=1 blue=2 ");
  EXPECT_EQ(names(std::type_identity<shop::Signed>{}), "minus=-3 zero=-2 ");
  EXPECT_EQ(names(std::type_identity<shop::Small>{}), "last=127 ");
  EXPECT_EQ(names(std::type_identity<shop::Ümlaut>{}), "größer=0 ");
  EXPECT_EQ(names(std::type_identity<shop::Hidden>{}), "here=0 ");
  EXPECT_EQ(names(std::type_identity<std::byte>{}), "");
}

}  // namespace
}  // namespace tidings
