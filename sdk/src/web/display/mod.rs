//! Showing messages: one at a time, in a shadow root, so that neither the page's styles nor the message's get at each other.

mod build;

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Weak,
};

use kindling_core::{
    limits,
    message::{Button, ClickAction, InAppMessage, Style},
    protocol::RecordKind,
};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Element, Event, HtmlDialogElement, window};

use super::shell::Shell;

/// What is shown, and what waits to be.
pub(super) struct Display {
    shell: Weak<Shell>,
    z_index: i32,
    shown: RefCell<Option<Shown>>,
    waiting: RefCell<VecDeque<InAppMessage>>,
    /// Names the message that a timer was started for.
    turn: Cell<u32>,
}

struct Shown {
    message: InAppMessage,
    host: Element,
    _listeners: Vec<Closure<dyn FnMut(Event)>>,
    timer: Option<(i32, Closure<dyn FnMut()>)>,
}

impl Display {
    pub(super) fn new(z_index: i32, shell: Weak<Shell>) -> Self {
        Self { shell, z_index, shown: RefCell::default(), waiting: RefCell::default(), turn: Cell::new(0) }
    }

    /// Shows the message, now or when the one that is shown has gone.
    pub(super) fn show(&self, message: InAppMessage) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() < limits::MESSAGES_HELD {
            waiting.push_back(message);
        }
        drop(waiting);
        self.show_next();
    }

    /// Takes the message of that id from the page, or out of the queue.
    pub(super) fn close(&self, id: &str) {
        self.waiting.borrow_mut().retain(|message| message.id.as_str() != id);
        let is_shown = self.shown.borrow().as_ref().is_some_and(|shown| shown.message.id.as_str() == id);
        if is_shown {
            self.remove();
            self.show_next();
        }
    }

    /// Takes everything from the page.
    pub(super) fn clear(&self) {
        self.waiting.borrow_mut().clear();
        self.remove();
    }

    fn remove(&self) {
        self.turn.set(self.turn.get().wrapping_add(1));
        let Some(shown) = self.shown.borrow_mut().take() else { return };
        if let (Some((timer, _)), Some(window)) = (&shown.timer, window()) {
            window.clear_timeout_with_handle(*timer);
        }
        shown.host.remove();
        // This may run inside one of the listeners: they are freed when it has returned.
        free_later(shown);
    }

    fn show_next(&self) {
        if self.shown.borrow().is_some() {
            return;
        }
        let Some(message) = self.waiting.borrow_mut().pop_front() else { return };
        let turn = self.turn.get();
        let listener = |act: fn(&Display, u32, usize)| {
            let shell = self.shell.clone();
            move |what: usize| {
                let shell = shell.clone();
                Closure::<dyn FnMut(Event)>::new(move |event: Event| {
                    event.stop_propagation();
                    if let Some(shell) = shell.upgrade() {
                        act(&shell.display, turn, what);
                    }
                })
            }
        };
        let dismissed = listener(|display, turn, _| display.dismissed(turn))(0);
        let clicked = listener(|display, turn, _| display.clicked(turn, None))(0);
        let pressed = listener(|display, turn, button| display.clicked(turn, Some(button)));
        let buttons: Vec<_> = (0..message.content.buttons.len()).map(pressed).collect();
        let Some(host) = build::message(&message.content, self.z_index, &dismissed, &clicked, &buttons) else { return };
        let timer = message.content.duration.and_then(|duration| {
            let shell = self.shell.clone();
            let closure = Closure::<dyn FnMut()>::new(move || {
                if let Some(shell) = shell.upgrade() {
                    shell.display.dismissed(turn);
                }
            });
            let ms = i32::try_from(duration.as_ms()).ok()?;
            let callback = closure.as_ref().unchecked_ref();
            let timer = window()?.set_timeout_with_callback_and_timeout_and_arguments_0(callback, ms).ok()?;
            Some((timer, closure))
        });
        if message.content.style == Style::Modal
            && let Some(dialog) = host.shadow_root().and_then(|root| root.query_selector("dialog").ok()?)
        {
            // In the top layer: above everything, with the page behind it inert, and focus given back when it closes.
            let _ = dialog.unchecked_into::<HtmlDialogElement>().show_modal();
        }
        let id = message.id.clone();
        let mut listeners = buttons;
        listeners.extend([dismissed, clicked]);
        *self.shown.borrow_mut() = Some(Shown { message, host, _listeners: listeners, timer });
        self.log(RecordKind::MessageImpression { message: id });
    }

    fn dismissed(&self, turn: u32) {
        if self.turn.get() == turn {
            self.remove();
            self.show_next();
        }
    }

    /// The message, or the button of that place, was clicked.
    fn clicked(&self, turn: u32, button: Option<usize>) {
        if self.turn.get() != turn {
            return;
        }
        let Some((id, button, action)) = self.shown.borrow().as_ref().map(|shown| {
            let content = &shown.message.content;
            let button: Option<&Button> = button.and_then(|place| content.buttons.get(place));
            let action = button.map_or(&content.click_action, |button| &button.click_action);
            (shown.message.id.clone(), button.map(|button| button.id.clone()), action.clone())
        }) else {
            return;
        };
        if button.is_none() && action.is_none() {
            return;
        }
        self.log(RecordKind::MessageClick { message: id, button });
        self.dismissed(turn);
        if let ClickAction::OpenUrl { url, new_tab } = action {
            open(url.as_str(), new_tab);
        }
    }

    fn log(&self, kind: RecordKind) {
        if let Some(shell) = self.shell.upgrade() {
            let _ = shell.log(kind);
        }
    }
}

fn open(url: &str, new_tab: bool) {
    let Some(window) = window() else { return };
    if new_tab {
        let _ = window.open_with_url_and_target_and_features(url, "_blank", "noopener");
    } else {
        let _ = window.location().assign(url);
    }
}

fn free_later(shown: Shown) {
    let free = Closure::once_into_js(move || drop(shown));
    if let Some(window) = window() {
        let _ = window.set_timeout_with_callback(free.unchecked_ref());
    }
}
