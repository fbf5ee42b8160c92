// A plug-in of clang-tidy, loaded by tidy.py. Its checks then visit our own declarations only, not those of system headers, whose
// findings would be thrown away (as clangd runs them: ASTContext::setTraversalScope), and function bodies in system headers
// are not even parsed. It also writes down which files were read, to $SLUICE_TIDY_READS, a path a line:
// what a verdict depends on.
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <clang/AST/ASTConsumer.h>
#include <clang/AST/ASTContext.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Frontend/FrontendPluginRegistry.h>

namespace {

bool is_own(const clang::ASTContext& context, const clang::Decl& declaration) {
  const clang::SourceManager& sources = context.getSourceManager();
  return !sources.isInSystemHeader(sources.getExpansionLoc(declaration.getLocation()));
}

class OwnDeclarations : public clang::ASTConsumer {
 public:
  /// Asked for the functions that may be skipped: neither constexpr ones nor those whose type is deduced.
  bool shouldSkipFunctionBody(clang::Decl* declaration) override {
    return !is_own(declaration->getASTContext(), *declaration);
  }

  bool HandleTopLevelDecl(clang::DeclGroupRef group) override {
    for (clang::Decl* declaration : group)
      if (declaration->getLexicalDeclContext()->isTranslationUnit())  // not what templates become
        seen_.push_back(declaration);
    return true;
  }

  void HandleTranslationUnit(clang::ASTContext& context) override {
    std::vector<clang::Decl*> own;
    for (clang::Decl* declaration : seen_)
      if (is_own(context, *declaration)) own.push_back(declaration);
    context.setTraversalScope(own);

    const char* reads = std::getenv("SLUICE_TIDY_READS");
    if (!reads) return;
    std::ofstream out(reads);
    const clang::SourceManager& sources = context.getSourceManager();
    for (auto file = sources.fileinfo_begin(); file != sources.fileinfo_end(); ++file)
      out << file->first.getName().str() << "\n";
  }

 private:
  std::vector<clang::Decl*> seen_;
};

class Action : public clang::PluginASTAction {
 protected:
  std::unique_ptr<clang::ASTConsumer> CreateASTConsumer(clang::CompilerInstance& compiler, llvm::StringRef) override {
    compiler.getFrontendOpts().SkipFunctionBodies = true;  // and shouldSkipFunctionBody is asked which
    return std::make_unique<OwnDeclarations>();
  }
  bool ParseArgs(const clang::CompilerInstance&, const std::vector<std::string>&) override { return true; }
  ActionType getActionType() override { return AddBeforeMainAction; }
};

const clang::FrontendPluginRegistry::Add<Action> registered("own-declarations", "limits what clang-tidy visits");

}  // namespace
