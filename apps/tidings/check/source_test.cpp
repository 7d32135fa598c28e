#include "check/source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "check/structure.hpp"

namespace tidings::check {

namespace {

using testing::ElementsAre;

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> found;
  for (const auto& token : tokenize(text).tokens) found.emplace_back(token.text);
  return found;
}

TEST(Tokens, KnowWhereTheyStand) {
  const auto read = tokenize("int a;\r\n  b->c();\n");
  ASSERT_EQ(read.tokens.size(), 9u);
  EXPECT_EQ(read.tokens[3].text, "b");
  EXPECT_EQ(read.tokens[3].line, 2u);
  EXPECT_EQ(read.tokens[3].column, 3u);
  EXPECT_EQ(read.lines, 2u);
  EXPECT_EQ(tokenize("a\nb").lines, 2u) << "without an end of line at the end";
  EXPECT_EQ(tokenize("").lines, 0u);
}

TEST(Tokens, TakeLiteralsWhole) {
  EXPECT_THAT(words(R"(x = "a\"b" + 'c' + u8"d";)"),
              ElementsAre("x", "=", R"("a\"b")", "+", "'c'", "+", R"(u8"d")", ";"));
  EXPECT_THAT(words("R\"(a)\" b\" (c)\" R\"x(a)\"\n)x\";"),
              ElementsAre("R\"(a)\"", "b", "\" (c)\"", "R\"x(a)\"\n)x\"", ";"));
  EXPECT_THAT(words("1'000.5e-3f 0x1F 'a'"), ElementsAre("1'000.5e-3f", "0x1F", "'a'"));
  EXPECT_EQ(literal_text(tokenize("u8R\"x(a \"b\")x\"").tokens.at(0)), "a \"b\"");
  EXPECT_EQ(literal_text(tokenize("L\"ab\"").tokens.at(0)), "ab");
}

TEST(Tokens, LeaveCommentsAndBranchesOut) {
  const auto read = tokenize("int a; // one \\\n still\n/* two\nlines */ int b;\n");
  EXPECT_EQ(read.tokens.size(), 6u);
  ASSERT_EQ(read.comments.size(), 2u);
  EXPECT_FALSE(read.comments[0].stands_alone);
  EXPECT_TRUE(read.comments[1].stands_alone);
  EXPECT_EQ(read.comments[1].line, 3u);
  EXPECT_EQ(read.comments[1].last_line, 4u);
  EXPECT_EQ(read.tokens[3].line, 4u);
  EXPECT_THAT(words("#if A\na\n#elif B\nb\n#else\nc\n#endif\nd"), ElementsAre("a", "d"));
  EXPECT_THAT(words("#if 0\na {\n#if A\n#else\n#endif\n#else\nb\n#endif"), ElementsAre("b"));
  EXPECT_THAT(words("#define A { \\\n b\nc"), ElementsAre("c"));
  EXPECT_THAT(words("#endif\n#else\na"), ElementsAre("a"));
}

TEST(Tokens, KnowWhatIsIncluded) {
  const auto read = tokenize(
      "#include \"a/b.hpp\"\n # include <c> // d\n#if 0\n#include \"e\"\n#endif\n#ifdef X\n#else\n#include "
      "\"f\"\n#endif\n");
  ASSERT_EQ(read.includes.size(), 3u);
  EXPECT_EQ(read.includes[0].path, "a/b.hpp");
  EXPECT_TRUE(read.includes[0].is_quoted);
  EXPECT_EQ(read.includes[1].path, "c");
  EXPECT_EQ(read.includes[1].line, 2u);
  EXPECT_EQ(read.includes[2].path, "f");
}

TEST(Tokens, EndWhateverComes) {
  for (const std::string text : {"\"open", "'", "/* open", "R\"(open", "R\"", "#if", "#", "\\", "\xff\xfe\x80",
                                 "R\"aaaaaaaaaaaaaaaaaaaaaaaaaaa(b)\"", "u8", "0x", "#include <", "//"})
    (void)find_structure(tokenize(text));
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "{([<a";
  (void)find_structure(tokenize(deep));
  (void)find_structure(tokenize("namespace a {" + deep));
  for (const std::string_view one : {"struct A{", "namespace a{", "a<", "[](){", "\"a\"+", "template<class T>"}) {
    std::string text = "void f() {";
    for (int i = 0; i < 100'000; ++i) text += one;
    const auto tokens = tokenize(text);
    const auto found = find_structure(tokens);
    EXPECT_LE(found.structs.size() + found.spaces.size(), 2'000u) << one << ": names grow with their depth";
  }
}

// ---- structure

Structure structure_of(const std::string& text, Tokens& tokens) {
  tokens = tokenize(text);
  return find_structure(tokens);
}

TEST(StructureOfASource, HasStructsWithTheirMembers) {
  Tokens tokens;
  const std::string text = R"(namespace a::b {
template <class T> struct Base {};
struct EXPORT(x) Order final : Base<Order>, public std::vector<int> {
  std::map<std::string, std::vector<int>> lines{};
  int a = 1, b{2}, c;
  bool flag : 1 = true;
  std::function<void(int)> call;
  char name[16];
  static constexpr tidings::traits<Order> event{.name = "x", .key = &Order::a};
  void method() const { int local; }
  Order() : a(1), b{2} { int other; }
  bool operator<(const Order& o) const;
  struct Inner { int d; };
  enum class Kind { one };
  using Text = std::string;
};
}  // namespace a::b
)";
  const auto found = structure_of(text, tokens);
  std::vector<std::string> members;
  for (const auto& one : found.structs)
    for (const auto& member : one.members)
      members.push_back(std::string(one.name) + "." + std::string(member.name) + (member.has_value ? "=" : ""));
  EXPECT_THAT(members, ElementsAre("Order.lines=", "Order.a=", "Order.b=", "Order.c", "Order.flag=", "Order.call",
                                   "Order.name", "Order.event=", "Inner.d"));
  ASSERT_GE(found.structs.size(), 2u);
  EXPECT_EQ(found.structs[1].scope, "a::b");
  EXPECT_FALSE(found.structs[1].bases.empty());
  EXPECT_THAT(found.structs[1].functions, ElementsAre("method", "Order", "operator"));
}

TEST(StructureOfASource, HasFunctionsAndLambdas) {
  Tokens tokens;
  const std::string text = R"(
TEST(Suite, Name) { run(); }
auto shop::Inventory::on(const Order& order, Context&, int n = f(1, 2)) const noexcept -> Result<std::map<int, int>> {
  auto tell = [&, this, x = order.id](const auto& one) mutable -> Result<> { return go<int>(one)(x); };
  if (auto it = find(a); it != end) { auto inner = a[1]; }
  for (const auto& [key, value] : map) use(key, value);
  static int calls = 0, other{1};
  int* p = new int[3];
  return tell(1);
}
)";
  const auto found = structure_of(text, tokens);
  ASSERT_EQ(found.functions.size(), 3u);
  EXPECT_EQ(found.functions[0].name, "TEST");
  const auto& on = found.functions[1];
  EXPECT_EQ(on.name, "on");
  EXPECT_EQ(on.of, "Inventory");
  ASSERT_EQ(on.parameters.size(), 3u);
  EXPECT_EQ(on.parameters[0].name, "order");
  EXPECT_EQ(on.parameters[1].name, "");
  EXPECT_EQ(on.parameters[2].name, "n");
  EXPECT_EQ(tokens.tokens[on.returns.begin].text, "Result");
  EXPECT_TRUE(found.functions[2].is_lambda);
  EXPECT_EQ(found.functions[2].within, 1u);
  std::vector<std::string> variables;
  for (const auto& one : found.variables) variables.emplace_back(one.name);
  EXPECT_THAT(variables, testing::IsSupersetOf(
                             {"order", "n", "tell", "one", "x", "it", "inner", "key", "value", "calls", "other", "p"}));
  std::vector<std::string> calls;
  for (const auto& one : found.calls) calls.emplace_back(tokens.tokens[one.name].text);
  EXPECT_THAT(calls, testing::IsSupersetOf({"run", "go", "find", "use", "tell"}));
}

}  // namespace

}  // namespace tidings::check
