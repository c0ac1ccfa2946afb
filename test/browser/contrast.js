// Runs in a page. Lists the visible texts with a contrast below 4.5 to 1, each with its contrast.
(() => {
  const rgba = (color) => {
    const [red = 0, green = 0, blue = 0, alpha = 1] = (color.match(/[\d.]+/g) ?? []).map(Number);
    return [red, green, blue, alpha];
  };
  const over = (top, below) => [0, 1, 2].map((part) => top[part] * top[3] + below[part] * (1 - top[3]));
  const luminance = (color) => {
    const [red, green, blue] = color.map((part) => (part <= 10 ? part / 3294 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const isDark = matchMedia('(prefers-color-scheme: dark)').matches;
  const behind = (element) => {
    if (!element) return isDark ? [32, 33, 34] : [255, 255, 255];
    const color = rgba(getComputedStyle(element).backgroundColor);
    return color[3] === 0 ? behind(element.parentElement) : over(color, behind(element.parentElement));
  };
  const opacity = (element) => (element ? Number(getComputedStyle(element).opacity) * opacity(element.parentElement) : 1);
  const textOf = ({ childNodes }) => [...childNodes].map((node) => (node.nodeType === 3 ? node.textContent.trim() : '')).join('');
  const unread = '[aria-hidden="true"], script, style, ngx-sonner-toaster, .toast-container, .window-switcher__close';
  const contrastOf = (element) => {
    const ground = behind(element);
    const [red, green, blue, alpha] = rgba(getComputedStyle(element).color);
    const color = over([red, green, blue, alpha * opacity(element)], ground);
    const [light, dark] = [luminance(color), luminance(ground)].sort((one, other) => other - one);
    return (light + 0.05) / (dark + 0.05);
  };
  const pale = [...document.querySelectorAll('body *')]
    .filter((element) => textOf(element) !== '' && !element.closest(unread))
    .filter((element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
    .filter((element) => contrastOf(element) < 4.5)
    .map((element) => `${element.className}: ${textOf(element).slice(0, 30)}: ${contrastOf(element).toFixed(1)}`);
  return [...new Set(pale)];
})();
