//! What a file has of others: modules, by their own name or another, and single names out of them.

use rustc_hash::FxHashMap;

use super::{ModuleId, World, last_of};
use crate::diagnostic::Diagnostic;
use crate::syntax::ast;

impl<'a> World<'a> {
    pub(super) fn import(&mut self, module: ModuleId, file: &'a ast::File, paths: &FxHashMap<String, u32>) {
        for item in &file.items {
            let ast::Decl::Import { path, names, alias } = &item.decl else { continue };
            if path.text.is_empty() {
                continue;
            }
            let Some(target) = paths.get(&path.text).map(|module| *module as ModuleId) else {
                let known = || self.modules.iter().map(|m| m.path.as_str()).collect();
                let mut d = Diagnostic::error("WF1001", path.span, format!("cannot find module `{}`", path.text))
                    .label("no such file in this project")
                    .why("a module is a file of the project; its name is the path without `.wf`, with `.` for `/`");
                if let Some(near) = self.near(&path.text, known) {
                    d = d.help(format!("did you mean `{near}`?"));
                }
                self.report(d);
                let lost = &mut self.modules[module].refused;
                lost.extend(names.iter().map(|name| name.text.as_str()));
                if names.is_empty() {
                    lost.insert(path.text.as_str());
                    lost.insert(alias.as_ref().map_or_else(|| last_of(&path.text), |alias| alias.text.as_str()));
                }
                continue;
            };
            if names.is_empty() {
                let name = alias.as_ref().map_or_else(|| last_of(&path.text), |alias| alias.text.as_str());
                self.modules[module].modules.insert(name.to_owned(), target);
                self.modules[module].modules.insert(path.text.clone(), target);
            }
            for name in names {
                self.import_name(module, target, name);
            }
        }
    }

    fn import_name(&mut self, module: ModuleId, target: ModuleId, name: &'a ast::Name) {
        let found = self.modules[target].names.get(name.text.as_str()).copied();
        let Some((item, span)) = found else {
            let near = self.near(&name.text, || self.modules[target].names.keys().copied().collect());
            let mut d = Diagnostic::error(
                "WF1001",
                name.span,
                format!("cannot find `{}` in module `{}`", name.text, self.modules[target].path),
            )
            .label("not declared there");
            if let Some(near) = near {
                d = d.help(format!("did you mean `{near}`?"));
            }
            self.report(d);
            self.modules[module].refused.insert(&name.text);
            return;
        };
        if self.modules[target].public.get(name.text.as_str()) == Some(&false) {
            self.report(
                Diagnostic::error("WF1001", name.span, format!("`{}` is private to its module", name.text))
                    .label("cannot be imported")
                    .also(span, "declared here without `pub`")
                    .help(format!("write `pub` before the declaration of `{}`", name.text)),
            );
        }
        if let Some(home) = self.home(item) {
            self.notes.mention(name.span, home);
        }
        self.add(module, name, item, false);
    }
}
