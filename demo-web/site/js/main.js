// Puts the page together. The shop knows nothing of Kindling: it says what happens, and here that is passed on.

import "./network-switch.js"; // first: it has to stand between the SDK and the network
import * as tracking from "./kindling.js";
import { startPanel } from "./panel/panel.js";
import { account, startAccount } from "./shop/account.js";
import { basket } from "./shop/basket.js";
import { openBasket, startBasketDrawer } from "./shop/basket-drawer.js";
import { startCatalogue } from "./shop/catalogue.js";
import { checkout } from "./shop/checkout.js";
import { closeDialog } from "./shop/dialog.js";
import { openProduct, productViews } from "./shop/product-dialog.js";

startCatalogue({ onOpen: openProduct, onFilter: tracking.filteredGoods });
startBasketDrawer();
startAccount();

productViews.addEventListener("viewed", ({ detail }) => tracking.viewedProduct(detail.product));
basket.addEventListener("added", ({ detail }) => tracking.addedToBasket(detail.product, detail.quantity));
basket.addEventListener("removed", ({ detail }) => tracking.removedFromBasket(detail.product, detail.quantity));
checkout.addEventListener("ordered", ({ detail }) => tracking.ordered(detail.order));
account.addEventListener("signed-in", ({ detail }) => tracking.signedIn(detail.account));

// The panel listens before the visit starts, so that it misses nothing.
tracking.kindling.then((sdk) => startPanel(sdk, { onWipe: () => account.forget() }));
tracking.startVisit(account.current);

// Messages may lead to the basket or back to the goods, with links to /#basket and /#goods.
function followHash() {
  if (location.hash === "#goods") {
    closeDialog();
  } else if (location.hash === "#basket") {
    // Taken out of the address, so that the same link works again.
    history.replaceState(null, "", location.pathname + location.search);
    openBasket();
  }
}
window.addEventListener("hashchange", followHash);
followHash();
