// What is broken in a capability is told, with file and line.
#include "scaffold/catalogue.hpp"

#include <gmock/gmock.h>

#include "scaffold/testing.hpp"

namespace tidings::scaffold {
namespace {

using ::testing::HasSubstr;

std::string refusal(std::vector<SourceFile> more) {
  const auto made = make_catalogue(small_files(std::move(more)));
  return made ? "nothing is wrong" : made.error().message;
}

TEST(Catalogue, of_what_the_program_was_built_with) {
  EXPECT_GT(catalogue().names().size(), 10U);
}

TEST(Catalogue, takes_one_that_is_right) {
  const auto made = make_catalogue(small_files(
      {capability("one", "requires = [\"two\"]\n[[add]]\nto = \"main.txt\"\nslot = \"lines\"\ntext = \"x\"\n"),
       capability("two", "default = true\n"),
       {"two/files/@domain/two.hpp.mustache", "<%namespace%>\n", "caps/"}}));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(made->find("two")->is_default);
  EXPECT_EQ(made->names(), (std::vector<std::string>{"one", "two"}));
}

TEST(Catalogue, what_is_no_toml) {
  EXPECT_THAT(refusal({{"x/capability.toml", "name = \"x\"\ntitle = \n", "caps/"}}),
              HasSubstr("caps/x/capability.toml:2: this is no TOML"));
  EXPECT_THAT(refusal({{"x/capability.toml", "name = \"x\"\n# \xff\n", "caps/"}}),
              HasSubstr("caps/x/capability.toml:2: this is no UTF-8"));
  EXPECT_THAT(refusal({{"x/capability.toml",
                        "a" +
                            [] {
                              std::string deep;
                              for (int at = 0; at < 5000; ++at) deep += ".a";
                              return deep;
                            }() +
                            " = 1\n",
                        "caps/"}}),
              HasSubstr("caps/x/capability.toml:1: "));
}

TEST(Catalogue, keys) {
  EXPECT_THAT(refusal({capability("x", "requiers = [\"base\"]\n")}),
              HasSubstr("caps/x/capability.toml:5: the capability has no 'requiers'; did you mean 'requires'?"));
  EXPECT_THAT(refusal({capability("x", "default = \"yes\"\n")}),
              HasSubstr("capability.toml:5: default must be true or false"));
  EXPECT_THAT(refusal({capability("x", "requires = \"base\"\n")}),
              HasSubstr("capability.toml:5: requires must be a list of texts"));
  EXPECT_THAT(refusal({capability("x", "[[suggests]]\ncapability = \"base\"\n")}),
              HasSubstr("capability.toml:5: the suggestion must say its reason"));
  EXPECT_THAT(refusal({{"x/capability.toml", "name = \"x\"\n", "caps/"}}),
              HasSubstr("the capability must say its title"));
  EXPECT_THAT(refusal({{"x/capability.toml", "name = \"y\"\n", "caps/"}}),
              HasSubstr("its name must be that of its folder, x"));
}

TEST(Catalogue, components_are_those_of_tidings) {
  EXPECT_THAT(refusal({capability("x", "components = [\"outbx\"]\n")}),
              HasSubstr("caps/x/capability.toml:1: Tidings has no component 'outbx'; did you mean 'outbox'?"));
  EXPECT_EQ(refusal({capability("x", "components = [\"outbox\", \"saga\"]\n")}), "nothing is wrong");
}

TEST(Catalogue, names_of_others) {
  EXPECT_THAT(refusal({capability("x", "requires = [\"bas\"]\n")}),
              HasSubstr("there is no capability 'bas'; did you mean 'base'?"));
  EXPECT_THAT(refusal({capability("x", "", "c")}), HasSubstr("there is no category 'c'; there are a, b"));
  EXPECT_THAT(refusal({capability("x", "requires = [\"x\"]\n")}), HasSubstr("names itself"));
  EXPECT_THAT(refusal({capability("x", ""), capability("x", "")}), HasSubstr("there is one of that name already"));
  EXPECT_THAT(
      refusal({capability("x", "[[add]]\nto = \"main.txt\"\nslot = \"lines\"\ntext = \"t\"\nwhen = [\"y\"]\n")}),
      HasSubstr("capability.toml:5: there is no capability 'y'"));
  EXPECT_THAT(refusal({{"warnings.toml",
                        "[[warning]]\nid = \"w\"\nseverity = \"advice\"\nhas_all = [\"nobody\"]\nhappens = "
                        "\"h\"\nwhat_to_do = \"w\"\n",
                        "caps/"}}),
              HasSubstr("warnings.toml: w: there is no capability 'nobody'"));
  EXPECT_THAT(
      refusal({{"warnings.toml", "[[warning]]\nid = \"w\"\nseverity = \"bad\"\nhappens = \"h\"\nwhat_to_do = \"w\"\n",
                "caps/"}}),
      HasSubstr("caps/warnings.toml:1: 'bad' is no severity"));
}

TEST(Catalogue, files_and_their_owners) {
  EXPECT_THAT(refusal({capability("x", ""), {"x/files/main.txt.mustache", "t\n", "caps/"}}),
              HasSubstr("two capabilities have the file main.txt"));
  EXPECT_THAT(refusal({capability("x", ""),
                       {"x/files/@domain/a.txt.mustache", "t\n", "caps/"},
                       {"x/files/@adapters/a.txt.mustache", "t\n", "caps/"}}),
              HasSubstr("two capabilities have the file src/a.txt"));
  EXPECT_THAT(refusal({capability("x", ""), {"x/files/@nowhere/a.txt.mustache", "t\n", "caps/"}}),
              HasSubstr("there is no such part"));
  EXPECT_THAT(refusal({capability("x", "[[file]]\npath = \"a.txt\"\n")}),
              HasSubstr("capability.toml:5: there is no files/a.txt.mustache"));
  EXPECT_THAT(refusal({capability("x", ""), {"x/files/a.txt", "t\n", "caps/"}}),
              HasSubstr("caps/x/files/a.txt:1: there is no place for it"));
}

TEST(Catalogue, what_no_capability_may_write) {
  const auto with = [](const std::string& path) {
    return refusal({capability("x", ""), {"x/files/" + path + ".mustache", "t\n", "caps/"}});
  };
  EXPECT_THAT(with("tidings.toml"),
              HasSubstr("caps/x/files/tidings.toml.mustache:1: the capability 'x' may not write tidings.toml"));
  for (const auto* const path :
       {".git/hooks/pre-commit", "lib/.GIT/config", ".tidings/generated", "Tidings.toml", "@domain/../../x"})
    EXPECT_THAT(with(path), HasSubstr("the capability 'x' may not write ")) << path;
  for (const auto* const path : {".github/workflows/x.yml", ".gitignore", "src/tidings.toml", "x.git"})
    EXPECT_EQ(with(path), "nothing is wrong") << path;
  const auto made = make_catalogue(
      small_files({capability("x", ""), {"x/files/.g<%#has.base%>it<%/has.base%>/config.mustache", "t\n", "caps/"}}));
  ASSERT_TRUE(made) << made.error().message;
  const auto project = make_project(*made, "orders", Layout::flat, {"x"});
  ASSERT_FALSE(project) << "put together by its tags";
  EXPECT_THAT(project.error().message, HasSubstr("the capability 'x' may not write .git/config"));
}

TEST(Catalogue, what_stands_where_a_file_should_is_told) {
  const Folder folder;
  folder.write("x/files/a.txt.mustache", "t\n");
  EXPECT_THAT(load_catalogue({folder.path().string()}).error().message, HasSubstr("there is no x/capability.toml"));
  std::filesystem::create_directory(folder.path() / "x/capability.toml");
  EXPECT_THAT(load_catalogue({folder.path().string()}).error().message,
              HasSubstr("x/capability.toml is a folder and no file"));
  std::filesystem::remove(folder.path() / "x/capability.toml");
  std::filesystem::create_symlink("/dev/zero", folder.path() / "x/capability.toml");
  EXPECT_THAT(load_catalogue({folder.path().string()}).error().message, HasSubstr("is a device and no file"));
  const Folder links;
  std::filesystem::create_directory_symlink(folder.path() / "x", links.path() / "x");
  EXPECT_THAT(load_catalogue({links.path().string()}).error().message, HasSubstr("is a link to a folder"));
}

TEST(Catalogue, slots) {
  EXPECT_THAT(refusal({capability("x", "[[add]]\nto = \"other.txt\"\nslot = \"lines\"\ntext = \"t\"\n")}),
              HasSubstr("capability.toml:5: no capability has the file other.txt"));
  EXPECT_THAT(refusal({capability("x", "[[add]]\nto = \"main.txt\"\nslot = \"liens\"\ntext = \"t\"\n")}),
              HasSubstr("main.txt, of base, has no slot 'liens'"));
  EXPECT_THAT(refusal({capability("x", "[[slot]]\nfile = \"main.txt\"\nname = \"mine\"\n")}),
              HasSubstr("no file of this capability"));
  EXPECT_THAT(refusal({capability("x", "[[slot]]\nfile = \"a.txt\"\nname = \"n\"\n"),
                       {"x/files/a.txt.mustache", "t\n", "caps/"}}),
              HasSubstr("its slot 'n' has no place"));
  EXPECT_THAT(refusal({capability("x", "[[slot]]\nfile = \"a.txt\"\nname = \"n\"\nstyle = \"odd\"\n"),
                       {"x/files/a.txt.mustache", "<%slot.n%>\n", "caps/"}}),
              HasSubstr("'odd' is no style"));
}

TEST(Catalogue, tags) {
  const auto with = [](const std::string& text) {
    return refusal({capability("x", ""), {"x/files/a.txt.mustache", text, "caps/"}});
  };
  EXPECT_THAT(with("a\n<%nmae%>\n"),
              HasSubstr("caps/x/files/a.txt.mustache:2: <%nmae%> stands for nothing; did you mean <%name%>?"));
  EXPECT_THAT(with("a\n\n<%#has.bas%><%/has.bas%>\n"), HasSubstr("a.txt.mustache:3: there is no capability 'bas'"));
  EXPECT_THAT(with("<%slot.n%>\n"), HasSubstr("the file has no slot of that name"));
  EXPECT_THAT(with("<%#has.base%>\n"), HasSubstr("a.txt.mustache:1: <%#has.base%> has no end"));
  EXPECT_THAT(with("x\n<%/has.base%>\n"), HasSubstr("a.txt.mustache:2: <%/has.base%> ends nothing"));
  EXPECT_THAT(with("x\n<%name\n"), HasSubstr("a.txt.mustache:2: a tag '<%' that is not closed"));
  EXPECT_THAT(with("x\ny\x01slot\x01\n"), HasSubstr("a.txt.mustache:2: a control character, 0x01"));
  EXPECT_THAT(with("\x02"), HasSubstr("a.txt.mustache:1: a control character, 0x02"));
}

}  // namespace
}  // namespace tidings::scaffold
