#include "scaffold/render.hpp"

#include <gmock/gmock.h>

#include "scaffold/difference.hpp"
#include "scaffold/neat.hpp"
#include "scaffold/testing.hpp"

namespace tidings::scaffold {
namespace {

std::string addition(const std::string& slot, const std::string& text, const std::string& more = "") {
  return "[[add]]\nto = \"main.txt\"\nslot = \"" + slot + "\"\ntext = \"\"\"\n" + text + "\"\"\"\n" + more;
}

/// What main.txt, or the first file that it is not, comes to.
std::string rendered(std::vector<SourceFile> more, std::set<std::string> chosen, const std::string& path = "main.txt",
                     Layout layout = Layout::layered) {
  const auto made = make_catalogue(small_files(std::move(more))).or_throw();
  chosen.insert("base");
  for (const auto& file :
       render(made, {.names = names_of("orders").or_throw(), .layout = layout, .capabilities = chosen}).or_throw())
    if (file.path == path) return file.text;
  return "no such file";
}

TEST(Render, an_empty_slot_takes_its_line_along) {
  EXPECT_EQ(rendered({}, {}), "of orders\nend\n");
}

TEST(Render, slots_are_filled_by_category_then_name_and_indented) {
  const std::vector<SourceFile> more{capability("z", addition("lines", "z1\n\nz2\n")),
                                     capability("a", addition("lines", "a of <%name%>\n"), "b"),
                                     capability("y", addition("lines", "y\n"))};
  EXPECT_EQ(rendered(more, {"a", "y", "z"}), "of orders\n  y\n  z1\n\n  z2\n  a of orders\nend\n");
  EXPECT_EQ(rendered(more, {"a"}), "of orders\n  a of orders\nend\n");
}

TEST(Render, sorted_slots_have_each_line_once) {
  EXPECT_EQ(
      rendered({capability("a", addition("sorted", "two\none\n")), capability("c", addition("sorted", "three\none\n"))},
               {"a", "c"}),
      "of orders\none\nthree\ntwo\nend\n");
}

TEST(Render, what_is_put_in_is_no_template_any_more) {
  EXPECT_EQ(rendered({capability("a", addition("lines", "${{ x }} {{name}} & \\\"quoted\\\"\n"))}, {"a"}),
            "of orders\n  ${{ x }} {{name}} & \"quoted\"\nend\n");
}

TEST(Render, conditions) {
  const std::vector<SourceFile> more{
      capability("a", addition("lines", "<%#has.c%>\nwith c\n<%/has.c%>\n<%^has.c%>\nwithout\n<%/has.c%>\n")),
      capability("c", addition("lines", "c\n", "unless = [\"d\"]\nwhen = [\"a\"]\n")), capability("d", "")};
  EXPECT_EQ(rendered(more, {"a"}), "of orders\n  without\nend\n");
  EXPECT_EQ(rendered(more, {"a", "c"}), "of orders\n  with c\n  c\nend\n");
  EXPECT_EQ(rendered(more, {"a", "c", "d"}), "of orders\n  with c\nend\n");
  EXPECT_EQ(rendered(more, {"c"}), "of orders\nend\n");
}

TEST(Render, a_blank_line_behind_a_section_stays) {
  EXPECT_EQ(rendered({capability("a", ""),
                      {"a/files/x.mustache", "one\n<%#has.a%>\ntwo\n<%/has.a%>\n\n<%^has.a%>\nno\n<%/has.a%>\nthree\n",
                       "caps/"}},
                     {"a"}, "x"),
            "one\ntwo\n\nthree\n");
}

TEST(Render, layouts_place_files_and_say_where_they_are) {
  const std::vector<SourceFile> more{
      capability("a", ""),
      {"a/files/@application/<%name%>.txt.mustache", "<%at.domain%>|<%at.application%>|<%layout%>\n", "caps/"}};
  EXPECT_EQ(rendered(more, {"a"}, "src/application/orders.txt"), "domain/|application/|layered\n");
  EXPECT_EQ(rendered(more, {"a"}, "src/ports/orders.txt", Layout::hexagonal), "domain/|ports/|hexagonal\n");
  EXPECT_EQ(rendered(more, {"a"}, "src/orders.txt", Layout::flat), "||flat\n");
}

TEST(Neat, looks_after_blank_lines_and_includes) {
  EXPECT_EQ(neat("\n\na  \n\n\n\nb\n\n", false), "a\n\nb\n");
  EXPECT_EQ(neat("#include \"b\"\n#include \"a\"\n#include \"b\"\n\n#include \"0\"\nint x;", true),
            "#include \"a\"\n#include \"b\"\n\n#include \"0\"\nint x;\n");
  EXPECT_EQ(neat("f() {\n  x;\n\n}\n", true), "f() {\n  x;\n}\n");
  EXPECT_EQ(neat("", true), "");
}

TEST(Difference, is_as_diff_writes_it) {
  EXPECT_EQ(difference("f", "same\n", "same\n"), "");
  EXPECT_EQ(difference("f", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n"),
            "--- f (yours)\n+++ f (as it would be)\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
  EXPECT_EQ(difference("f", "", "new\n"), "--- f (yours)\n+++ f (as it would be)\n@@ -1,0 +1,1 @@\n+new\n");
}

}  // namespace
}  // namespace tidings::scaffold
