#include "scaffold/writing.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scaffold/contains.hpp"
#include "scaffold/testing.hpp"
#include "tidings/base/atomic_file.hpp"

namespace tidings::scaffold {
namespace {

using ::testing::IsEmpty;
using Names = std::set<std::string>;

Project project_of(const Names& asked, Layout layout = Layout::layered) {
  return make_project(catalogue(), "orders", layout, asked).or_throw();
}

/// As `tidings add` does it.
Result<Changes> add(const std::string& folder, const Names& more, const std::vector<std::string>& kept = {}) {
  const auto text = read_file(folder + "/" + record_file).or_throw();
  const auto record = read_record(text, record_file).or_throw();
  auto asked = record.asked();
  const auto before = make_project(catalogue(), record.name, record.layout, asked).or_throw();
  asked.insert(more.begin(), more.end());
  auto project = make_project(catalogue(), record.name, record.layout, asked);
  if (!project) return project.error();
  auto changes = compare_with(folder, *project, before, text, kept);
  if (changes && changes->in_the_way.empty())
    if (auto done = write_changes(*changes, folder, {more.begin(), more.end()}, {.synced = false}); !done)
      return done.error();
  return changes;
}

TEST(WriteNew, writes_all_of_it_and_leaves_nothing_beside) {
  const Folder folder;
  ASSERT_TRUE(write_new(project_of({"outbox"}), folder.in("orders")));
  const auto files = folder.files();
  EXPECT_TRUE(files.contains("orders/tidings.toml"));
  EXPECT_TRUE(files.contains("orders/.tidings/generated"));
  EXPECT_TRUE(files.contains("orders/src/main.cpp"));
  for (const auto& [path, text] : files) EXPECT_TRUE(path.starts_with("orders/")) << path;
}

TEST(WriteNew, others_may_read_it_as_the_umask_says_and_add_leaves_that_as_it_is) {
  const Folder folder;
  const auto project = folder.in("orders");
  const auto mode = [&](const std::string& name) {
    struct stat told{};
    EXPECT_EQ(::stat((project + name).c_str(), &told), 0) << name;
    return told.st_mode & 0777U;
  };
  const auto before = ::umask(027);
  const auto made = write_new(project_of({}), project);
  ::umask(before);
  ASSERT_TRUE(made);
  EXPECT_EQ(mode("/CMakeLists.txt"), 0640U);
  ASSERT_EQ(::chmod((project + "/README.md").c_str(), 0604), 0);
  ASSERT_TRUE(add(project, {"docker"}));
  EXPECT_EQ(mode("/README.md"), 0604U);
}

TEST(WriteNew, takes_an_empty_folder_and_no_other) {
  const Folder folder;
  std::filesystem::create_directory(folder.path() / "empty");
  EXPECT_TRUE(write_new(project_of({}), folder.in("empty")));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "empty/.empty.tidings-new"));
  const auto before = folder.files();
  const auto refused = write_new(project_of({"docker"}), folder.in("empty"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "not_empty");
  EXPECT_EQ(folder.files(), before);
  folder.write("file", "x");
  EXPECT_EQ(write_new(project_of({}), folder.in("file")).error().code, "not_empty");
  std::filesystem::create_symlink("nowhere", folder.path() / "link");
  EXPECT_EQ(write_new(project_of({}), folder.in("link")).error().code, "not_empty");
}

TEST(WriteNew, that_it_would_be_refused_is_known_before) {
  const Folder folder;
  EXPECT_TRUE(check_new(folder.in("orders")));
  std::filesystem::create_directory(folder.path() / "empty");
  EXPECT_TRUE(check_new(folder.in("empty/")));
  folder.write("full/file", "x");
  EXPECT_EQ(check_new(folder.in("full")).error().code, "not_empty");
  EXPECT_EQ(check_new(folder.in("full/file")).error().code, "not_empty");
}

TEST(WriteNew, what_cannot_be_written_leaves_nothing) {
  const Folder folder;
  auto project = project_of({});
  project.files.push_back({.path = "src/main.cpp/below.txt", .text = "x"});  // a folder cannot be where a file is
  EXPECT_FALSE(write_new(project, folder.in("orders")));
  EXPECT_THAT(folder.files(), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "orders"));
  std::filesystem::create_directory(folder.path() / "empty");
  EXPECT_FALSE(write_new(project, folder.in("empty")));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path() / "empty"));
}

TEST(Add, comes_to_what_new_with_all_of_it_makes) {
  const auto names = catalogue().names();
  for (const auto& first : names)
    for (const auto& second : {names[(first.size() * 7) % names.size()], std::string("outbox"), std::string("postgres"),
                               std::string("ci-github")}) {
      if (!resolve(catalogue(), {first, second})) continue;
      const Folder folder;
      const Names defaults{"event-bus", "testing"};
      Names one = defaults, both = defaults;
      one.insert(first);
      both.insert({first, second});
      ASSERT_TRUE(write_new(project_of(one), folder.in("added")));
      const auto changes = add(folder.in("added"), {second});
      ASSERT_TRUE(changes) << changes.error().message;
      ASSERT_TRUE(write_new(project_of(both), folder.in("new")));
      EXPECT_EQ(folder.files("added"), folder.files("new")) << first << ", then " << second;
      const auto again = add(folder.in("added"), {second}).or_throw();
      EXPECT_TRUE(again.is_nothing());
    }
}

TEST(Add, all_one_after_another_in_any_layout) {
  for (const auto layout : layouts) {
    const Folder folder;
    Names all;
    ASSERT_TRUE(write_new(project_of({}, layout), folder.in("added")));
    for (const auto& name : catalogue().names()) {
      auto more = all;
      more.insert(name);
      if (!resolve(catalogue(), more)) continue;
      all = more;
      ASSERT_TRUE(add(folder.in("added"), {name}));
    }
    ASSERT_TRUE(write_new(project_of(all, layout), folder.in("new")));
    EXPECT_EQ(folder.files("added"), folder.files("new"));
  }
}

TEST(Add, never_overwrites_what_the_user_changed_and_writes_nothing_then) {
  const Folder folder;
  const auto at = folder.in("orders");
  ASSERT_TRUE(write_new(project_of({"event-bus", "testing"}), at));
  folder.write("orders/src/main.cpp", "// mine\n");
  const auto before = folder.files();
  const auto changes = add(at, {"outbox"}).or_throw();
  ASSERT_EQ(changes.in_the_way.size(), 1U);
  EXPECT_THAT(changes.in_the_way[0], ::testing::StartsWith("--- src/main.cpp (yours)\n"));
  EXPECT_THAT(changes.in_the_way[0], ::testing::HasSubstr("-// mine\n"));
  EXPECT_THAT(changes.in_the_way[0],
              ::testing::HasSubstr("+  if (auto made = orders_service::make_tables(service); !made) {\n"));
  EXPECT_EQ(folder.files(), before);
  // Kept, and so told what it has not.
  folder.write("orders/src/main.cpp", "// mine, and more\n");
  EXPECT_FALSE(add(at, {"outbox"}, {"src/nothing.cpp"}));
  const auto kept = add(at, {"outbox"}, {"src/main.cpp"}).or_throw();
  EXPECT_THAT(kept.in_the_way, IsEmpty());
  ASSERT_EQ(kept.missing.size(), 1U);
  EXPECT_THAT(kept.missing[0],
              ::testing::HasSubstr("+  if (auto made = orders_service::make_tables(service); !made) {\n"));
  EXPECT_EQ(folder.files().at("orders/src/main.cpp"), "// mine, and more\n");
  EXPECT_TRUE(add(at, {"outbox"}).or_throw().is_nothing()) << "it is asked once";
}

/// `text` with `more` behind the first `after`.
std::string with(std::string text, std::string_view after, std::string_view more) {
  const auto at = text.find(after);
  EXPECT_NE(at, std::string::npos) << after;
  return text.insert(at + after.size(), more);
}

TEST(Add, puts_what_comes_beside_what_the_user_changed) {
  const Folder folder;
  const auto at = folder.in("orders");
  ASSERT_TRUE(write_new(project_of({"event-bus", "testing"}), at));
  const auto before = folder.files();
  const std::string own = "A line of ours.\n";
  folder.write("orders/README.md", with(before.at("orders/README.md"), "# orders\n", "\n" + own));
  folder.write("orders/src/main.cpp", with(before.at("orders/src/main.cpp"), "", "// Ours.\n"));
  const auto changes = add(at, {"outbox", "health"}).or_throw();
  EXPECT_THAT(changes.in_the_way, IsEmpty());
  EXPECT_THAT(changes.merged, ::testing::ElementsAre("README.md", "src/main.cpp"));
  ASSERT_TRUE(write_new(project_of({"event-bus", "testing", "outbox", "health"}), folder.in("new")));
  auto wanted = folder.files("new");
  wanted["README.md"] = with(wanted.at("README.md"), "# orders\n", "\n" + own);
  wanted["src/main.cpp"] = with(wanted.at("src/main.cpp"), "", "// Ours.\n");
  EXPECT_EQ(folder.files("orders"), wanted);
  EXPECT_TRUE(add(at, {"outbox"}).or_throw().is_nothing());
  // And again, from there.
  EXPECT_THAT(add(at, {"docker"}).or_throw().merged, ::testing::ElementsAre("README.md"));
  EXPECT_THAT(folder.files().at("orders/README.md"), ::testing::HasSubstr(own));
}

TEST(Add, shows_what_would_come_and_none_of_what_the_user_did_elsewhere) {
  const Folder folder;
  const auto at = folder.in("orders");
  ASSERT_TRUE(write_new(project_of({"event-bus", "testing"}), at));
  const auto main = folder.files().at("orders/src/main.cpp");
  const std::string line = "  auto service = tidings::Service::from_args(name, argc, argv, std::move(settings));\n";
  auto changed = with(main, line, "  own(service);\n");
  changed = with(changed, "", "// Ours.\n");
  folder.write("orders/src/main.cpp", changed);
  const auto before = folder.files();
  const auto changes = add(at, {"outbox"}).or_throw();
  ASSERT_EQ(changes.in_the_way.size(), 1U);
  EXPECT_THAT(changes.in_the_way[0], ::testing::HasSubstr("-  own(service);\n"));
  EXPECT_THAT(changes.in_the_way[0], ::testing::HasSubstr("+  if (auto made = orders_service::make_tables("));
  EXPECT_THAT(changes.in_the_way[0], ::testing::Not(::testing::HasSubstr("-// Ours.\n")));
  EXPECT_EQ(folder.files(), before);
}

TEST(Add, what_the_user_brought_up_already_is_asked_for_by_nobody) {
  const Folder folder;
  const auto at = folder.in("orders");
  ASSERT_TRUE(write_new(project_of({"event-bus", "testing"}), at));
  const auto after = project_of({"event-bus", "testing", "outbox"});
  const auto main = std::ranges::find(after.files, "src/main.cpp", &GeneratedFile::path);
  folder.write("orders/src/main.cpp", "// Ours.\n" + main->text);
  const auto changes = add(at, {"outbox"}, {"src/main.cpp"}).or_throw();
  EXPECT_THAT(changes.in_the_way, IsEmpty());
  EXPECT_THAT(changes.missing, IsEmpty());
}

TEST(Add, leaves_alone_what_the_user_changed_and_would_not_change) {
  const Folder folder;
  const auto at = folder.in("orders");
  ASSERT_TRUE(write_new(project_of({"event-bus", "testing"}), at));
  folder.write("orders/src/domain/decision.cpp", "// mine\n");
  std::filesystem::remove(folder.path() / "orders/.clang-format");
  folder.write("orders/src/own.cpp", "// mine too\n");
  EXPECT_THAT(add(at, {"outbox", "docker"}).or_throw().in_the_way, IsEmpty());
  EXPECT_EQ(folder.files().at("orders/src/domain/decision.cpp"), "// mine\n");
  EXPECT_EQ(folder.files().at("orders/src/own.cpp"), "// mine too\n");
  EXPECT_FALSE(folder.files().contains("orders/.clang-format"));
}

TEST(Add, a_file_of_the_users_own_is_in_the_way_of_a_new_one_unless_it_is_the_same) {
  const Folder folder;
  const auto at = folder.in("orders");
  ASSERT_TRUE(write_new(project_of({}), at));
  folder.write("orders/Dockerfile", "FROM scratch\n");
  EXPECT_EQ(add(at, {"docker"}).or_throw().in_the_way.size(), 1U);
  const auto project = project_of({"docker"});
  const auto made = std::ranges::find(project.files, "Dockerfile", &GeneratedFile::path);
  folder.write("orders/Dockerfile", made->text);
  EXPECT_THAT(add(at, {"docker"}).or_throw().in_the_way, IsEmpty());
}

TEST(Add, removes_what_nothing_has_any_more_unless_it_was_changed) {
  const Folder folder;
  const auto at = folder.in("orders");
  ASSERT_TRUE(write_new(project_of({"docker", "ci-github", "testing"}), at));
  auto text = folder.files().at("orders/tidings.toml");
  text.erase(text.find("  \"ci-github\",\n"), std::string_view("  \"ci-github\",\n").size());
  folder.write("orders/tidings.toml", text);
  const auto changes = add(at, {"docker"}).or_throw();
  EXPECT_THAT(changes.removed, ::testing::ElementsAre(".github/workflows/ci.yml"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "orders/.github"));
  folder.write("orders/tests/fixture_test.cpp", "// mine\n");
  text = folder.files().at("orders/tidings.toml");
  text.erase(text.find("  \"testing\",\n"), std::string_view("  \"testing\",\n").size());
  folder.write("orders/tidings.toml", text);
  EXPECT_FALSE(add(at, {"docker"}).or_throw().in_the_way.empty());
  EXPECT_TRUE(folder.files().contains("orders/tests/fixture_test.cpp"));
}

/// As a program before this one left it: with a file that no capability has any more.
void add_generated(const Folder& folder, const std::string& path, const std::string& text) {
  folder.write("orders/" + path, text);
  const auto hashes = folder.files().at("orders/.tidings/generated");
  folder.write("orders/.tidings/generated", hashes + hash_of(text) + "  " + path + "\n");
}

TEST(Add, a_file_that_capabilities_have_no_more_goes_or_is_the_users_own) {
  const Folder folder;
  const auto at = folder.in("orders");
  const std::string left_alone = "src/adapters/gone.cpp", changed = "src/adapters/changed.cpp";
  ASSERT_TRUE(write_new(project_of({}), at));
  add_generated(folder, left_alone, "// as it was generated\n");
  add_generated(folder, changed, "// as it was generated\n");
  folder.write("orders/" + changed, "// mine\n");
  const auto before = folder.files();
  const auto refused = add(at, {"docker"}).or_throw();
  EXPECT_THAT(refused.in_the_way,
              ::testing::ElementsAre(::testing::HasSubstr(changed + " is generated no more, and you changed it")));
  EXPECT_EQ(folder.files(), before);
  const auto kept = add(at, {"docker"}, {changed}).or_throw();
  EXPECT_THAT(kept.removed, ::testing::ElementsAre(left_alone));
  EXPECT_THAT(kept.disowned, ::testing::ElementsAre(changed));
  EXPECT_EQ(folder.files().at("orders/" + changed), "// mine\n");
  EXPECT_FALSE(folder.files().contains("orders/" + left_alone));
  EXPECT_TRUE(add(at, {"docker"}).or_throw().is_nothing()) << "it is asked once";
}

TEST(Add, writes_and_removes_nothing_outside_of_the_project) {
  const Folder folder;
  const auto at = folder.in("orders");
  ASSERT_TRUE(write_new(project_of({"event-bus", "testing"}), at));
  const auto refused = [&](const std::string& path) {
    const auto before = folder.files();
    const auto changes = add(at, {"outbox"});
    EXPECT_EQ(folder.files(), before);
    return !changes && changes.error().code == "leads_outside" && changes.error().message.starts_with(path + " would ");
  };
  // A folder that has gone elsewhere, with a link in its place.
  std::filesystem::rename(folder.path() / "orders/src/adapters", folder.path() / "elsewhere");
  std::filesystem::create_directory_symlink(folder.path() / "elsewhere", folder.path() / "orders/src/adapters");
  EXPECT_TRUE(refused("src/adapters/handlers.cpp"));
  // One that leads to where the project has it.
  std::filesystem::remove(folder.path() / "orders/src/adapters");
  std::filesystem::rename(folder.path() / "elsewhere", folder.path() / "orders/src/other");
  std::filesystem::create_directory_symlink("other", folder.path() / "orders/src/adapters");
  EXPECT_TRUE(add(at, {"outbox"}));
  // A record that somebody has written.
  folder.write("victim", "x");
  folder.write("orders/.tidings/generated",
               folder.files().at("orders/.tidings/generated") + hash_of("x") + "  ../victim\n");
  const auto changes = add(at, {"docker"});
  ASSERT_FALSE(changes);
  EXPECT_EQ(changes.error().code, "leads_outside");
  EXPECT_TRUE(folder.files().contains("victim"));
}

TEST(Add, tells_what_stands_where_a_file_should) {
  const Folder folder;
  const auto at = folder.in("orders");
  ASSERT_TRUE(write_new(project_of({}), at));
  std::filesystem::create_directory(folder.path() / "orders/Dockerfile");
  const auto changes = add(at, {"docker"});
  ASSERT_FALSE(changes);
  EXPECT_EQ(changes.error().code, "no_regular_file");
}

TEST(Add, a_link_in_place_of_a_file_is_the_users) {
  const Folder folder;
  const auto at = folder.in("orders");
  ASSERT_TRUE(write_new(project_of({}), at));
  const auto main = folder.path() / "orders/src/main.cpp", ours = folder.path() / "orders/src/ours.cpp";
  std::filesystem::rename(main, ours);
  std::filesystem::create_symlink("ours.cpp", main);
  const auto text = folder.files().at("orders/src/ours.cpp");
  const auto refused = add(at, {"event-bus"}).or_throw();
  EXPECT_THAT(
      refused.in_the_way,
      ::testing::ElementsAre(::testing::StartsWith("src/main.cpp is a symbolic link\n--- src/main.cpp (yours)")));
  EXPECT_TRUE(std::filesystem::is_symlink(main));
  EXPECT_THAT(add(at, {"event-bus"}, {"src/main.cpp"}).or_throw().in_the_way, IsEmpty());
  EXPECT_TRUE(std::filesystem::is_symlink(main));
  EXPECT_EQ(folder.files().at("orders/src/ours.cpp"), text);
}

TEST(Add, goes_on_where_it_was_killed) {
  const auto before = project_of({"event-bus", "testing"});
  const auto after = project_of({"event-bus", "testing", "outbox", "docker"});
  for (std::size_t written = 0; written <= after.files.size(); written += 3) {
    const Folder folder;
    const auto at = folder.in("orders");
    ASSERT_TRUE(write_new(before, at));
    for (std::size_t file = 0; file < written; ++file)
      folder.write("orders/" + after.files[file].path, after.files[file].text);
    ASSERT_THAT(add(at, {"outbox", "docker"}).or_throw().in_the_way, IsEmpty());
    ASSERT_TRUE(write_new(after, folder.in("new")));
    EXPECT_EQ(folder.files("orders"), folder.files("new")) << written;
  }
}

}  // namespace
}  // namespace tidings::scaffold
