//! Web sites: the demo shop, and pages that a test makes itself.

use std::{fs, path::Path, process::Command};

use axum::{
    Router,
    http::{HeaderValue, header},
    middleware::map_response,
    response::Response,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tower_http::services::ServeDir;

use crate::{process::Process, programs, project::Project};

/// The demo shop, served by its own backend.
#[derive(Debug)]
pub struct Shop {
    _process: Process,
    _folder: TempDir,
    url: String,
}

impl Shop {
    /// Starts the shop. The server, or a gate to it, is at the address `kindling`.
    pub async fn start(kindling: &str) -> Self {
        let folder = temporary_folder();
        let demo = programs::root().join("demo-web");
        let mut command = Command::new(programs::demo_web());
        command.args(["--listen", "127.0.0.1:0", "--kindling", kindling]);
        command.arg("--package").arg(programs::package());
        command.arg("--site").arg(demo.join("site"));
        command.arg("--definitions").arg(demo.join("workspace.json"));
        let ready = |line: &str| line.strip_prefix("ready ").map(ToOwned::to_owned);
        let (process, url) = Process::start("demo-web", &mut command, folder.path().join("log"), ready).await;
        Self { _process: process, _folder: folder, url }
    }

    /// The definitions of its workspace, for the server.
    pub fn definitions() -> Value {
        let file = programs::root().join("demo-web/workspace.json");
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        serde_json::from_str(&text).expect("the definitions are JSON")
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }
}

fn temporary_folder() -> TempDir {
    tempfile::Builder::new().prefix("kindling-site-").tempdir().expect("a temporary folder")
}

/// A site made by a test: a folder of files, with the npm package where a package manager would have put it.
#[derive(Debug)]
pub struct Pages {
    folder: TempDir,
    url: String,
    task: JoinHandle<()>,
}

impl Pages {
    /// Serves an empty folder; with a Content-Security-Policy, if one is given.
    pub async fn serve(policy: Option<&str>) -> Self {
        Self::serve_folder(temporary_folder(), "", policy).await
    }

    /// Serves what was built into the folder `built` of a project.
    pub async fn serve_built(project: Project, built: &str, policy: Option<&str>) -> Self {
        Self::serve_folder(project.into_folder(), built, policy).await
    }

    async fn serve_folder(folder: TempDir, root: &str, policy: Option<&str>) -> Self {
        let policy = policy.map(|policy| HeaderValue::from_str(policy).expect("the policy is a header's value"));
        let router = Router::new()
            .nest_service("/node_modules/@kindling/web-sdk", ServeDir::new(programs::package()))
            .fallback_service(ServeDir::new(folder.path().join(root)))
            .layer(map_response(move |mut response: Response| {
                if let Some(policy) = &policy {
                    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy.clone());
                }
                async { response }
            }));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it has an address"));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("the pages are served") });
        Self { folder, url, task }
    }

    /// Writes a file of the site.
    pub fn write(&self, name: impl AsRef<Path>, content: &str) {
        fs::write(self.folder.path().join(name), content).expect("the page can be written");
    }

    /// Puts a copy of a file into the site.
    pub fn copy(&self, file: &Path) {
        let name = file.file_name().expect("a file has a name");
        fs::copy(file, self.folder.path().join(name)).expect("the file can be copied");
    }

    /// Writes the page `name`, with `script` in a file of its own beside it: a strict policy allows no script in a page.
    /// The script finds the package as `kindling`, and so does whoever looks at the page later.
    pub fn write_page(&self, name: &str, script: &str) {
        let page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{name}</title>\n<body>\n\
             <h1>{name}</h1>\n<script type=\"module\" src=\"./{name}.js\"></script>\n</body>\n</html>\n"
        );
        self.write(format!("{name}.html"), &page);
        let import = "import * as kindling from \"./node_modules/@kindling/web-sdk/dist/index.js\";";
        self.write(format!("{name}.js"), &format!("{import}\nwindow.kindling = kindling;\n{script}\n"));
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address of the page `name`.
    pub fn page(&self, name: &str) -> String {
        format!("{}/{name}.html", self.url)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.task.abort();
    }
}
