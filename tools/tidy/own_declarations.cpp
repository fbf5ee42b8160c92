// A plug-in of clang-tidy, loaded by tidy.py. It limits the checks to our own declarations, since findings in system headers would
// be discarded (clangd does the same: ASTContext::setTraversalScope), and skips the parsing of function bodies in system headers.
// It also writes the paths of all files that were read to $SLUICE_TIDY_READS, one per line: the result depends on them.
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
  /// Called for functions that may be skipped, which excludes constexpr functions and those with a deduced return type.
  bool shouldSkipFunctionBody(clang::Decl* declaration) override {
    return !is_own(declaration->getASTContext(), *declaration);
  }

  bool HandleTopLevelDecl(clang::DeclGroupRef group) override {
    for (clang::Decl* declaration : group)
      if (declaration->getLexicalDeclContext()->isTranslationUnit())  // not the instantiations of templates
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
    compiler.getFrontendOpts().SkipFunctionBodies = true;  // shouldSkipFunctionBody decides which
    return std::make_unique<OwnDeclarations>();
  }
  bool ParseArgs(const clang::CompilerInstance&, const std::vector<std::string>&) override { return true; }
  ActionType getActionType() override { return AddBeforeMainAction; }
};

const clang::FrontendPluginRegistry::Add<Action> registered("own-declarations", "limits what clang-tidy visits");

}  // namespace
