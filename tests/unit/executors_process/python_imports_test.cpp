#include "sluice/executors/process/python_imports.hpp"

#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/os/files.hpp"

namespace sluice::executors {
namespace {

using Names = std::vector<std::string>;

TEST(PythonImports, AreReadFromTheBeginningsOfLines) {
  EXPECT_EQ(
      imports_in("import numpy\nimport os.path , pandas as pd,torch\r\nfrom sklearn.svm import SVC as S\n"),
      (Names{"numpy", "os.path", "pandas", "torch", "sklearn.svm"}));
  EXPECT_EQ(imports_in("import a # and b\nimport c; import d\n"), (Names{"a", "c"}));
  EXPECT_EQ(imports_in(
                "from . import x\nfrom .y import z\n  import later\nimported = 1\nimport\nfrom\nimport -c\n"),
            Names{});
  EXPECT_EQ(imports_in("import " + std::string(300, 'a')), Names{});
}

TEST(PythonImports, OfModulesInTheFolderAreFollowed) {
  const auto folder = test::value_of(os::TemporaryDirectory::make_in_tmp("sluice-imports-"));
  const auto write = [&](const std::string& name, const std::string& text) {
    ASSERT_OK(os::make_directories((folder.path() / name).parent_path()));
    ASSERT_OK(os::write_file(folder.path() / name, text));
  };
  write("train.py", "import numpy\nimport near\nfrom shop.parts import x\nimport train\n");
  write("near.py", "import pandas\nimport train\n");
  write("shop/__init__.py", "import never_read\n");
  write("shop/parts.py", "import yaml.loader\n");
  EXPECT_EQ(imported_modules(folder.path(), "train"), (Names{"numpy", "pandas", "yaml.loader"}));
  EXPECT_EQ(imported_modules(folder.path(), "shop"), Names{"never_read"});
  EXPECT_EQ(imported_modules(folder.path(), "sklearn.svm"), Names{"sklearn.svm"});
}

TEST(PythonImports, AreFewAndReadFromSmallFiles) {
  const auto folder = test::value_of(os::TemporaryDirectory::make_in_tmp("sluice-imports-"));
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "import module" + std::to_string(i) + "\n";
  ASSERT_OK(os::write_file(folder.path() / "many.py", many));
  EXPECT_EQ(imported_modules(folder.path(), "many").size(), 64U);
  ASSERT_OK(os::write_file(folder.path() / "large.py", "import numpy\n" + std::string(300 << 10, '#')));
  EXPECT_EQ(imported_modules(folder.path(), "large"), Names{"large"});
}

}  // namespace
}  // namespace sluice::executors
