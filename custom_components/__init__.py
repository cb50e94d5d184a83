"""Where Home Assistant and its tests find the integration."""
