//! What happens to the page: hidden, shown, online, storage changed by another tab; and the one timer.

use std::rc::Weak;

use js_sys::Function;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{Document, Event, EventTarget, StorageEvent, Window, window};

use super::shell::Shell;

/// The listeners of the SDK on the page, and its timer. They are removed when it is dropped.
pub(super) struct Page {
    window: Window,
    listeners: Vec<Listener>,
    tick: Closure<dyn FnMut()>,
    timer: Option<i32>,
}

struct Listener {
    target: EventTarget,
    event: &'static str,
    closure: Closure<dyn FnMut(Event)>,
}

impl Page {
    /// Starts to listen. `None` outside of a page.
    pub(super) fn listen(shell: &Weak<Shell>) -> Option<Self> {
        let window = window()?;
        let document = window.document()?;
        let tick = {
            let shell = shell.clone();
            Closure::<dyn FnMut()>::new(move || {
                if let Some(shell) = shell.upgrade() {
                    shell.tick();
                }
            })
        };
        let mut page = Self { listeners: Vec::new(), tick, timer: None, window: window.clone() };
        page.on(
            &document,
            "visibilitychange",
            shell,
            |shell, _| {
                if is_hidden() { shell.hidden() } else { shell.shown() }
            },
        );
        page.on(&window, "pagehide", shell, |shell, _| shell.left());
        page.on(&window, "pageshow", shell, |shell, _| shell.shown());
        page.on(&window, "online", shell, |shell, _| shell.online());
        page.on(&window, "storage", shell, |shell, event| {
            if let Some(event) = event.dyn_ref::<StorageEvent>() {
                shell.storage_changed(event.key());
            }
        });
        Some(page)
    }

    fn on(
        &mut self,
        target: &EventTarget,
        event: &'static str,
        shell: &Weak<Shell>,
        act: fn(&std::rc::Rc<Shell>, &Event),
    ) {
        let shell = shell.clone();
        let closure = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            if let Some(shell) = shell.upgrade() {
                act(&shell, &event);
            }
        });
        if target.add_event_listener_with_callback(event, function(&closure)).is_ok() {
            self.listeners.push(Listener { target: target.clone(), event, closure });
        }
    }

    /// Sets the timer to go off after `ms` milliseconds; `None`: not at all.
    pub(super) fn set_timer(&mut self, ms: Option<i32>) {
        if let Some(timer) = self.timer.take() {
            self.window.clear_timeout_with_handle(timer);
        }
        if let Some(ms) = ms {
            let callback = self.tick.as_ref().unchecked_ref();
            self.timer = self.window.set_timeout_with_callback_and_timeout_and_arguments_0(callback, ms).ok();
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.set_timer(None);
        for Listener { target, event, closure } in &self.listeners {
            let _ = target.remove_event_listener_with_callback(event, function(closure));
        }
    }
}

fn function(closure: &Closure<dyn FnMut(Event)>) -> &Function {
    let closure: &JsValue = closure.as_ref();
    closure.unchecked_ref()
}

fn is_hidden() -> bool {
    window().and_then(|window| window.document()).is_some_and(|document: Document| document.hidden())
}
